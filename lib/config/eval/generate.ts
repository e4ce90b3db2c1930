/** What the drawing of a benchmark can be told: one schema for flags, YAML and the API. */
import { z } from 'zod';
import { modelSchema } from '../model.js';
import { checkTogether, settingsSchemaOf } from '../request.js';

export const BENCHMARKS = ['geneval', 'geneval2', 'dpg'] as const;
export type BenchmarkKind = (typeof BENCHMARKS)[number];

const SEED_RULES = ['per-picture', 'upstream'] as const;
export type SeedRule = (typeof SEED_RULES)[number];

/** What GenEval's own script begins each prompt with. */
export const UPSTREAM_SEED = 42;

export const benchmarkSchema = z.strictObject({
  prompts: z
    .string()
    .min(1)
    .describe("the benchmark's list of prompts; of DPG-Bench also a folder of ID.txt, or a .csv"),
  out: z
    .string()
    .min(1)
    .describe(
      'folder that gets the pictures, run.json and report.html; a run that was stopped goes on in it',
    ),
  imagesPerPrompt: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('pictures of each prompt: 4, of GenEval 2 one'),
  promptKey: z
    .string()
    .min(1)
    .default('prompt')
    .describe('key of the text that is drawn; refined_prompt where another wrote a longer one'),
  seeds: z
    .enum(SEED_RULES)
    .default('per-picture')
    .describe(
      'per-picture: picture i of the run uses seed + i; upstream: every prompt begins again at the seed, 42 where not given',
    ),
  skipExisting: z
    .boolean()
    .default(true)
    .describe('keep pictures that are there already, as their parameters tell'),
  onMismatch: z
    .enum(['refuse', 'redraw'])
    .default('refuse')
    .describe('a folder with pictures of other settings: refuse before anything is drawn, or redraw them'),
  nproc: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe(
      'processes on this machine, one a GPU; the pictures are the same, bit for bit (on a CPU with the same --threads of each)',
    ),
});

export const benchmarkSeedSchema = z
  .number()
  .int()
  .min(0)
  .max(2 ** 47)
  .optional()
  .describe('seed of the first picture; 0, or 42 with seeds upstream');

/** Of a picture, but for what the benchmark decides: how many there are of a prompt, and how seeds are counted. */
export function pictureSettingsOf(cellPixels: number | undefined) {
  return settingsSchemaOf(cellPixels)
    .omit({ count: true, seedMode: true, seed: true })
    .extend({ seed: benchmarkSeedSchema })
    .superRefine((settings, context) =>
      checkTogether({ ...settings, count: 1, seedMode: 'each', seed: settings.seed ?? 0 }, context),
    );
}

/** A configuration file of `svg-t2i eval geneval`, `geneval2` and `dpg`, for an autoencoder with cells of so many pixels a side. */
export function generateConfigSchemaOf(cellPixels: number | undefined) {
  return z.strictObject({
    benchmark: benchmarkSchema,
    model: modelSchema.prefault({}),
    sample: pictureSettingsOf(cellPixels).prefault({}),
  });
}

export type GenerateConfigValues = z.output<ReturnType<typeof generateConfigSchemaOf>>;

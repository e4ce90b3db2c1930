/** A configuration file of `svg-t2i sample`: three sections, each with its own schema. */
import { z } from 'zod';
import { PUBLISHED_CELL_PIXELS } from './latent-grid.js';
import { modelSchema } from './model.js';
import { settingsWithRulesOf } from './request.js';

export const MISMATCH_MODES = ['redraw', 'keep', 'refuse'] as const;
export type MismatchMode = (typeof MISMATCH_MODES)[number];
export const OUTPUT_FORMATS = ['png', 'jpeg', 'webp'] as const;

export const outputSchema = z.strictObject({
  path: z.string().min(1).optional().describe('file or folder to write to; - is stdout'),
  format: z
    .enum(OUTPUT_FORMATS)
    .optional()
    .describe("of the files; the path's extension decides where it has one"),
  quality: z.number().int().min(1).max(100).default(90).describe('of jpeg and webp'),
  grid: z.boolean().default(false).describe('also write all pictures of a prompt as one'),
  skipExisting: z
    .boolean()
    .default(false)
    .describe('leave pictures that are already there, as their parameters tell'),
  onMismatch: z
    .enum(MISMATCH_MODES)
    .default('redraw')
    .describe(
      'with skipExisting, a picture of another prompt or other settings: redraw, keep, or refuse before anything is drawn',
    ),
  manifest: z
    .string()
    .min(1)
    .optional()
    .describe('JSON Lines file that gets a line a picture; with skipExisting earlier lines stay'),
});

/** For an autoencoder with cells of so many pixels a side; undefined: not known yet. */
export function sampleConfigSchemaOf(cellPixels: number | undefined) {
  return z.strictObject({
    model: modelSchema.prefault({}),
    sample: settingsWithRulesOf(cellPixels).prefault({}),
    output: outputSchema.prefault({}),
  });
}
export const sampleConfigSchema = sampleConfigSchemaOf(PUBLISHED_CELL_PIXELS);

export type OutputOptions = z.output<typeof outputSchema>;
export type SampleConfig = z.output<typeof sampleConfigSchema>;

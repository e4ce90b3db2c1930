/** What `svg-t2i eval report` is asked: the configuration of evaluate()'s kind `scores`. */
import { z } from 'zod';
import type { ConfigKeys } from '../load.js';

export const scoresSchema = z.strictObject({
  results: z
    .array(
      z.strictObject({
        path: z.string().min(1),
        name: z.string().min(1).max(200).optional(),
      }),
    )
    .min(1)
    .max(12)
    .describe("a scorer's result files, each perhaps with a name"),
  as: z
    .enum(['geneval', 'geneval2', 'dpg'])
    .optional()
    .describe('which scorer has written them; told from the files where not given'),
  questions: z
    .string()
    .min(1)
    .optional()
    .describe(
      "the scorer's own list of questions (dpg_bench.csv, geneval2_data.jsonl), which tells what each score is of",
    ),
  bootstrap: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(1000)
    .describe('draws of prompts for the 95 % intervals; 0 for none'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 47)
    .default(0)
    .describe('of these draws'),
  published: z.boolean().default(false).describe("add the paper's own figures as a column"),
  out: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder for report.html, report.md, scores.png and results.json; without it nothing is written',
    ),
});

export const scoresConfigSchema = z.strictObject({ scores: scoresSchema });

export type ScoresConfig = z.output<typeof scoresSchema>;

/** Which of its values are paths. */
export const SCORES_KEYS: ConfigKeys = {
  paths: ['scores.results.*.path', 'scores.questions', 'scores.out'],
  names: [],
  environment: {},
  isFilePartial: true,
};

/** What the check of a scorer's input can be told: one schema for flags and the API. */
import { z } from 'zod';

export const CHECK_KINDS = ['geneval', 'geneval2', 'dpg', 'adm-npz'] as const;

export const checkSchema = z.strictObject({
  as: z.enum(CHECK_KINDS).describe('whose input it is'),
  prompts: z
    .string()
    .min(1)
    .optional()
    .describe("the benchmark's list of prompts; without it nobody can tell whether one is missing"),
  imagesPerPrompt: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('pictures that each prompt must have: 4, of GenEval 2 one'),
  resolution: z
    .number()
    .int()
    .min(1)
    .max(65_536)
    .optional()
    .describe('pixels a side of each picture; needed for dpg, whose scorer crops by it'),
});

export type CheckValues = z.output<typeof checkSchema>;

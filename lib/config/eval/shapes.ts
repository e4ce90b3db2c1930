/** What `evaluate({ kind: 'shapes' })` can be asked. */
import { z } from 'zod';
import { CATEGORIES } from './shape-categories.js';

export const shapesSchema = z.strictObject({
  images: z
    .string()
    .min(1)
    .optional()
    .describe('folder whose shapes.jsonl lists the pictures to judge; nothing is drawn'),
  reconstruct: z.boolean().default(false).describe("judge the autoencoder's reconstructions of drawn scenes"),
  // Each is checked by its own schema, which fills in what is not given only after the release was asked.
  model: z.record(z.string(), z.unknown()).default({}).describe('what is measured'),
  sample: z.record(z.string(), z.unknown()).default({}).describe('how pictures are drawn'),
  categories: z
    .array(z.enum(CATEGORIES))
    .min(1)
    .default([...CATEGORIES])
    .describe('some of the categories'),
  perCategory: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('prompts of each category: 50, or all of images where not given'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 47)
    .default(0)
    .describe('of the prompts and of the pictures'),
  out: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder for report.html, sheet.png, failures.jsonl and results.json; without it nothing is written',
    ),
});

/** What `svg-t2i eval images` and `evaluate({ kind: 'images' })` can be asked. */
import { z } from 'zod';
import {
  badShareShape,
  METRICS,
  machineShape,
  metricsSchema,
  networkShape,
  protocolShape,
  readingShape,
} from './measure.js';

export const imagesSchema = z.strictObject({
  set: z.string().min(1).describe('pictures that are judged: a folder, an .npz, or a list'),
  reference: z
    .string()
    .min(1)
    .optional()
    .describe(
      'what they are held against: a folder, an .npz with pictures or statistics, or a list; is needs none',
    ),
  metrics: metricsSchema.default(['fid']).describe(`some of ${METRICS.join(', ')}`),
  out: z
    .string()
    .min(1)
    .optional()
    .describe('folder for report.html, results.json and, with metrics of pairs, pairs.jsonl'),
  ...networkShape,
  ...protocolShape,
  ...badShareShape,
  ...readingShape,
  ...machineShape,
});

export const imagesConfigSchema = z.strictObject({ images: imagesSchema });

export type ImagesConfig = z.output<typeof imagesSchema>;

/** What `svg-t2i eval reconstruct` and `evaluate({ kind: 'reconstruct' })` can be asked. */
import { z } from 'zod';
import { modelSchema } from '../model.js';
import {
  badShareShape,
  METRICS,
  machineShape,
  metricsSchema,
  networkShape,
  protocolShape,
  readingShape,
} from './measure.js';

export const reconstructSchema = z.strictObject({
  data: z.string().min(1).describe('pictures: a folder, an .npz with pictures, or a list'),
  metrics: metricsSchema
    .optional()
    .describe(
      `some of ${METRICS.join(', ')}; where not given psnr, ssim, and fid and lpips where their weights are`,
    ),
  reference: z
    .string()
    .min(1)
    .optional()
    .describe(
      'statistics that eval stats wrote of the same pictures, cut alike; counted along where not given',
    ),
  count: z.number().int().min(1).optional().describe('the first pictures only'),
  out: z.string().min(1).optional().describe('folder for report.html, results.json and pairs.jsonl'),
  keepPictures: z
    .boolean()
    .default(false)
    .describe('also write each reconstruction, as PNG, into out/reconstructions'),
  ...networkShape,
  ...protocolShape,
  ...badShareShape,
  ...readingShape,
  resolution: readingShape.resolution.unwrap().default(256).describe('side of the squares that are encoded'),
  workers: machineShape.workers,
  spillMegabytes: machineShape.spillMegabytes,
});

export const reconstructConfigSchema = z.strictObject({
  model: modelSchema.prefault({}),
  reconstruct: reconstructSchema,
});

/** As a program gives it: the models in a key of their own. */
export const reconstructRequestSchema = reconstructSchema.extend({ model: modelSchema.prefault({}) });

export type ReconstructSettings = z.output<typeof reconstructSchema>;

/** What `svg-t2i eval stats` and `evaluate({ kind: 'stats' })` can be asked. */
import { z } from 'zod';
import { badShareShape, machineShape, networkShape, readingShape } from './measure.js';

export const statsSchema = z.strictObject({
  set: z.string().min(1).describe('pictures: a folder, an .npz, or a list'),
  out: z
    .string()
    .regex(/\.npz$/i, { error: 'must end in .npz' })
    .describe('.npz that gets mu and sigma, mu_s and sigma_s'),
  spatial: z
    .boolean()
    .default(true)
    .describe("also of the spatial features, mu_s and sigma_s: sFID and ADM's evaluator need them"),
  inception: networkShape.inception,
  ...badShareShape,
  ...readingShape,
  ...machineShape,
});

export const statsConfigSchema = z.strictObject({ stats: statsSchema });

export type StatsConfig = z.output<typeof statsSchema>;

/** What `svg-t2i eval pack` takes: which pictures become one npz, and how they are cut. */
import { z } from 'zod';
import { machineShape, readingShape } from './measure.js';

/** Of ADM's reference sets for ImageNet. */
export const USUAL_RESOLUTION = 256;

export const packSchema = z.strictObject({
  source: z.string().min(1).describe('folder of pictures (with those below it), a list, or an npz'),
  out: z.string().min(1).describe('npz file to write'),
  resolution: z
    .number()
    .int()
    .min(1)
    .max(65536)
    .optional()
    .describe(
      `sides that the pictures must have, in pixels; with admCrop those that they are cut to (${USUAL_RESOLUTION} where not given)`,
    ),
  admCrop: z
    .boolean()
    .default(false)
    .describe(
      "cut the pictures as ADM's reference sets were cut: alpha dropped, pixels as stored, middle square",
    ),
  labels: z
    .string()
    .min(1)
    .optional()
    .describe(
      'file with the class of each picture, which becomes arr_1: a number a line in sorted order, or NAME NUMBER',
    ),
  alpha: readingShape.alpha,
  autoOrient: readingShape.autoOrient,
  maxPixels: readingShape.maxPixels,
  workers: machineShape.workers,
});

/** With every default filled in. */
export type ResolvedPack = z.output<typeof packSchema>;

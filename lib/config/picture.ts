/** How picture files are read, wherever they are. */
import { z } from 'zod';

/** Width times height; more is refused before anything is decoded. */
export const DEFAULT_MAX_PIXELS = 64 * 1024 * 1024;
const LARGEST_MAX_PIXELS = 1_000_000_000;

export const pictureShape = {
  autoOrient: z
    .boolean()
    .default(true)
    .describe(
      'turn pictures upright as their EXIF orientation says; the original takes the pixels as stored',
    ),
  maxPixels: z
    .number()
    .int()
    .min(1)
    .max(LARGEST_MAX_PIXELS)
    .default(DEFAULT_MAX_PIXELS)
    .describe(
      'width times height of the largest picture that is read, 3 bytes each; larger ones are refused',
    ),
};

export const pictureSchema = z.strictObject(pictureShape);

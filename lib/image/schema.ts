import { z } from 'zod';
import { bytesSchema, checkArgument, countSchema } from '../config/values.js';
import { type RgbImage, rgbImage } from './rgb-image.js';

/** (height, width, 3) bytes; whether their number fits is asked where they are used. */
export const imageSchema: z.ZodType<RgbImage> = z.object(
  { width: countSchema, height: countSchema, data: bytesSchema },
  { error: 'must be a picture: { width, height, data } with RGB bytes' },
);

/**
 * Checks an argument of a public function that must be a picture.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function checkImage(name: string, image: unknown): RgbImage {
  const { width, height, data } = checkArgument(name, imageSchema, image);
  return rgbImage(width, height, data);
}

/** How far two pictures are apart. */
import { SvgT2IError } from '../errors.js';
import type { RgbImage } from './rgb-image.js';

const PEAK = 255;

/**
 * Peak signal-to-noise ratio in dB over all channels of 8-bit pixels; Infinity for equal pictures.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for pictures of different sizes
 *
 * @example
 * console.log(psnr(await readImage('a.png'), await readImage('b.png')).toFixed(2), 'dB');
 */
export function psnr(a: RgbImage, b: RgbImage): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `a picture of ${a.width}x${a.height} cannot be compared with one of ${b.width}x${b.height}`,
    );
  }
  let squares = 0;
  for (let i = 0; i < a.data.length; i++) squares += ((a.data[i] as number) - (b.data[i] as number)) ** 2;
  return squares === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((PEAK * PEAK * a.data.length) / squares);
}

/** Scenes into pixels. */
import { SvgT2IError } from '../errors.js';
import { type RgbImage, rgbImage } from '../image/rgb-image.js';
import { rgbOf } from './paint.js';
import { rasterise } from './raster.js';
import type { Scene } from './scene.js';
import { BACKGROUNDS, COLOURS } from './vocabulary.js';

const MIN_SIDE_PX = 16;
const MAX_SIDE_PX = 4096;

/**
 * A square picture of `sidePx` pixels a side; the same bytes everywhere.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a side that is no integer from 16 to 4096
 */
export function drawScene({ drawn }: Pick<Scene, 'drawn'>, sidePx: number): RgbImage {
  if (!Number.isInteger(sidePx) || sidePx < MIN_SIDE_PX || sidePx > MAX_SIDE_PX) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `a scene cannot be drawn with ${sidePx} pixels a side (${MIN_SIDE_PX} to ${MAX_SIDE_PX})`,
    );
  }
  // Backgrounds have no hue: one byte fills all channels.
  const [grey] = rgbOf(drawn.background, BACKGROUNDS);
  const data = new Uint8Array(sidePx * sidePx * 3).fill(grey);
  for (const { shape, colour, x, y, radius } of drawn.objects) {
    const inPixels = { shape, x: x * sidePx, y: y * sidePx, radius: radius * sidePx };
    const mask = rasterise(inPixels, sidePx, sidePx);
    const rgb = rgbOf(colour, COLOURS);
    for (let row = 0; row < mask.height; row++) {
      let to = ((mask.top + row) * sidePx + mask.left) * 3;
      for (let column = 0; column < mask.width; column++) {
        const share = mask.coverage[row * mask.width + column] as number;
        for (const level of rgb) {
          const below = data[to] as number;
          data[to++] = Math.round(below + (level - below) * share);
        }
      }
    }
  }
  return rgbImage(sidePx, sidePx, data);
}

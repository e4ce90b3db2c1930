/** Pictures for a report's sheets: small copies at once, so that a hundred large ones are never in memory together. */
import { stat } from 'node:fs/promises';
import { readImage } from '../../image/decode.js';
import { resizeImage } from '../../image/resize.js';
import type { RgbImage } from '../../image/rgb-image.js';

/** Longest side in pixels that a sheet has use for. */
const MAX_SIDE = 512;

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** Undefined where it cannot be read: the page has its name and its score all the same. */
export async function readSmall(path: string): Promise<RgbImage | undefined> {
  try {
    const image = await readImage(path);
    const scale = MAX_SIDE / Math.max(image.width, image.height);
    if (scale >= 1) return image;
    const side = (pixels: number) => Math.max(1, Math.round(pixels * scale));
    return resizeImage(image, { width: side(image.width), height: side(image.height) }, 'bicubic');
  } catch {
    return undefined;
  }
}

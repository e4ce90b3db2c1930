/** Pictures for a report's sheets: small copies at once, so that a hundred large ones are never in memory together. */
import { stat } from 'node:fs/promises';
import { readImage } from '../image/decode.js';
import { resizeImage } from '../image/resize.js';
import type { RgbImage } from '../image/rgb-image.js';

/** Longest side in pixels that a sheet has use for. */
const MAX_SIDE = 512;

/** In its own proportions, no side above 512 px; the picture itself where none is. */
export function smallPicture(image: RgbImage): RgbImage {
  const scale = MAX_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const side = (pixels: number) => Math.max(1, Math.round(pixels * scale));
  return resizeImage(image, { width: side(image.width), height: side(image.height) }, 'bicubic');
}

/** Undefined where it cannot be read: a page has its name and its score all the same. */
export async function readSmallPicture(path: string): Promise<RgbImage | undefined> {
  try {
    return smallPicture(await readImage(path));
  } catch {
    return undefined;
  }
}

/** Whether a file is there; no error whatever stands for a path, since a stranger's file names it. */
export async function hasFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

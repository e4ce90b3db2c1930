/** Small pictures of large ones, made off the event loop. */
import type { RgbImage } from './rgb-image.js';
import { loadSharp } from './sharp.js';

export interface ThumbnailOptions {
  /** Longest side in pixels; a smaller picture stays as it is. */
  readonly maxSide: number;
  /** 1 to 100. */
  readonly quality: number;
}

/** A JPEG's bytes, in the picture's own proportions. */
export async function encodeThumbnail(
  image: RgbImage,
  { maxSide, quality }: ThumbnailOptions,
): Promise<Uint8Array> {
  const { width, height, data } = image;
  const sharp = await loadSharp();
  return await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .resize({ width: maxSide, height: maxSide, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality })
    .toBuffer();
}

/** A picture cut to a training bucket, as the original prepares its data. */

import { resizeImage } from '../image/resize.js';
import { cropImage, type RgbImage, rgbImage } from '../image/rgb-image.js';
import { roundHalfEven, type Size } from './buckets.js';

/**
 * Scales a picture until it just covers `bucket`, then cuts the middle out.
 *
 * Halved with a box filter while both sides are at least twice the bucket, then resized with the bicubic filter (as
 * ADM's center_crop_arr, which SVG-T2I follows); every pixel equals Pillow's.
 */
export function centerCropToBucket(image: RgbImage, bucket: Size): RgbImage {
  let current = image;
  while (current.width >= 2 * bucket.width && current.height >= 2 * bucket.height) {
    const half = { width: Math.floor(current.width / 2), height: Math.floor(current.height / 2) };
    current = resizeImage(current, half, 'box');
  }
  const scale = Math.max(bucket.width / current.width, bucket.height / current.height);
  const covering = {
    width: roundHalfEven(current.width * scale),
    height: roundHalfEven(current.height * scale),
  };
  const resized = resizeImage(current, covering, 'bicubic');
  return cropImage(resized, {
    left: Math.floor((resized.width - bucket.width) / 2),
    top: Math.floor((resized.height - bucket.height) / 2),
    ...bucket,
  });
}

/** Left becomes right. */
export function flipImage({ width, height, data }: RgbImage): RgbImage {
  const flipped = new Uint8Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * 3;
      flipped.set(data.subarray(from, from + 3), (row * width + (width - 1 - column)) * 3);
    }
  }
  return rgbImage(width, height, flipped);
}

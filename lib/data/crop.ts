/** A picture cut to a training bucket, as the original prepares its data, and mirrored. */
import { type RgbImage, rgbImage } from '../image/rgb-image.js';

/** As ADM's center_crop_arr, which SVG-T2I follows. */
export { centerCrop as centerCropToBucket } from '../image/center-crop.js';

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

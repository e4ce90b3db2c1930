/** A picture with a border of one colour. */
import { type RgbImage, rgbImage } from './rgb-image.js';

/** `widthPx` more on every side. */
export function frameImage(
  image: RgbImage,
  colour: readonly [red: number, green: number, blue: number],
  widthPx: number,
): RgbImage {
  const width = image.width + 2 * widthPx;
  const height = image.height + 2 * widthPx;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i += 3) data.set(colour, i);
  for (let row = 0; row < image.height; row++) {
    const line = image.data.subarray(row * image.width * 3, (row + 1) * image.width * 3);
    data.set(line, ((row + widthPx) * width + widthPx) * 3);
  }
  return rgbImage(width, height, data);
}

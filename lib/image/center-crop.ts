/** The middle of a picture at another size, as ADM's center_crop_arr cuts it: what training and reference sets are made of. */
import { resizeImage } from './resize.js';
import { cropImage, type RgbImage } from './rgb-image.js';

/** Python's round(): halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Scales a picture until it just covers `size`, then cuts the middle out.
 *
 * Halved with a box filter while both sides are at least twice that size, then resized with the bicubic filter; every
 * pixel equals Pillow's up to release 12.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a size below one pixel
 */
export function centerCrop(
  image: RgbImage,
  size: { readonly width: number; readonly height: number },
): RgbImage {
  const { width, height } = size;
  let current = image;
  while (current.width >= 2 * width && current.height >= 2 * height) {
    const half = { width: Math.floor(current.width / 2), height: Math.floor(current.height / 2) };
    current = resizeImage(current, half, 'box');
  }
  const scale = Math.max(width / current.width, height / current.height);
  const covering = {
    width: roundHalfEven(current.width * scale),
    height: roundHalfEven(current.height * scale),
  };
  const resized = resizeImage(current, covering, 'bicubic');
  return cropImage(resized, {
    left: Math.floor((resized.width - width) / 2),
    top: Math.floor((resized.height - height) / 2),
    width,
    height,
  });
}

/** Pixels as the whole package passes them around. */
import { SvgT2IError } from '../errors.js';

/** Pixels, as the whole package passes them around. */
export interface RgbImage {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** 8-bit RGB, row by row: (height, width, 3). */
  readonly data: Uint8Array;
}

/** Checks that the number of bytes is that of the size. */
export function rgbImage(width: number, height: number, data: Uint8Array): RgbImage {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${width}x${height} is no size of a picture`);
  }
  if (data.length !== width * height * 3) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `${data.length} bytes are no ${width}x${height} RGB picture of ${width * height * 3} bytes`,
    );
  }
  return { width, height, data };
}

/** The part of `size` at (left, top), copied. */
export function cropImage(
  image: RgbImage,
  area: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
): RgbImage {
  const { left, top, width, height } = area;
  if (left < 0 || top < 0 || left + width > image.width || top + height > image.height) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `${width}x${height} at (${left}, ${top}) leaves a picture of ${image.width}x${image.height}`,
    );
  }
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return rgbImage(width, height, data);
}

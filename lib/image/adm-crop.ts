/** The square that ADM's reference sets of a resolution were cut to. */
import { centerCrop } from './center-crop.js';
import type { RgbImage } from './rgb-image.js';

/**
 * Cuts a picture as ADM cut those of its reference sets, (resolution, resolution, 3).
 *
 * An alpha channel must have been dropped, not pasted on white, and the picture not been turned as its EXIF says:
 * `readImage(path, { alpha: 'drop', autoOrient: false })`.
 *
 * Source: guided_diffusion/image_datasets.py, center_crop_arr.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a resolution below one pixel
 *
 * @example
 * const square = admCenterCrop(await readImage('n01440764_36.JPEG', { alpha: 'drop', autoOrient: false }), 256);
 */
export function admCenterCrop(image: RgbImage, resolution: number): RgbImage {
  return centerCrop(image, { width: resolution, height: resolution });
}

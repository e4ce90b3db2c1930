/** What is made of a picture that was read: nothing, a training bucket, or the square of ADM's reference sets. */
import { admCenterCrop } from '../image/adm-crop.js';
import type { RgbImage } from '../image/rgb-image.js';
import { chooseBucket, type Size } from './buckets.js';
import { centerCropToBucket, flipImage } from './crop.js';

export type PictureFit =
  | { readonly kind: 'whole' }
  /** Cut to the bucket that suits it best, as for training; `flip`: then mirrored left to right. */
  | { readonly kind: 'bucket'; readonly buckets: readonly Size[]; readonly flip: boolean }
  /** Cut to a square as ADM's reference sets are. */
  | { readonly kind: 'adm'; readonly resolution: number };

export function fitPicture(image: RgbImage, fit: PictureFit): RgbImage {
  switch (fit.kind) {
    case 'whole':
      return image;
    case 'bucket': {
      const cropped = centerCropToBucket(image, chooseBucket(image, fit.buckets));
      return fit.flip ? flipImage(cropped) : cropped;
    }
    case 'adm':
      return admCenterCrop(image, fit.resolution);
  }
}

/** The sizes of the pictures of a run. */
import { cropSizeList, type Size } from '../data/buckets.js';

export interface SizeOptions {
  readonly resolution: number;
  readonly aspect: 'multi' | 'square';
  readonly maxRatio: number;
  /** Pixels a side of a latent's cell, as cropSizeList takes it. */
  readonly cellPixels?: number | undefined;
}

/** Sizes that pictures are cut to. */
export function pictureSizes(options: SizeOptions): readonly Size[] {
  const { resolution, aspect, maxRatio, cellPixels } = options;
  const square = { width: resolution, height: resolution };
  if (aspect === 'square') return [square];
  const sizes = cropSizeList({ resolution, maxRatio, cellPixels });
  return sizes.length === 0 ? [square] : sizes;
}

/** Sizes and batches that are counted beside the asked one, and the largest of them that fit. */
import type { CountedLoad } from '../native/estimate-jobs.js';

/** Sides of the largest picture that is tried, in shares of this of the asked one. */
const STEPS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64];
const UNIT = 8;
export const MOST_PICTURES = 256;

export interface SizeLimits {
  /** Pixels of which both sides are multiples. */
  readonly multiple: number;
  readonly mostWidth: number;
  readonly mostHeight: number;
}

/** Loads of one picture with the shape of the asked one, from small to large. */
export function sizesToCount(asked: CountedLoad, limits: SizeLimits): readonly CountedLoad[] {
  const side = (pixels: number, step: number) =>
    Math.max(limits.multiple, Math.floor((pixels * step) / UNIT / limits.multiple) * limits.multiple);
  const seen = new Set<string>();
  return STEPS.map((step) => ({
    ...asked,
    pictures: 1,
    width: side(asked.width, step),
    height: side(asked.height, step),
  })).filter(({ width, height }) => {
    const key = `${width}x${height}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew && width <= limits.mostWidth && height <= limits.mostHeight;
  });
}

/** The asked pictures in batches of 1, 2, 4 and so on. */
export function batchesToCount(asked: CountedLoad): readonly CountedLoad[] {
  const powers = Array.from({ length: Math.log2(MOST_PICTURES) + 1 }, (_, i) => 2 ** i);
  return powers.map((pictures) => ({ ...asked, pictures }));
}

/** The last one, of those from small to large, that takes no more than there is. */
export function largestThatFits<Item extends { readonly total: number }>(
  items: readonly Item[],
  free: number,
): Item | undefined {
  return items.filter(({ total }) => total <= free).at(-1);
}

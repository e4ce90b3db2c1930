/** How large objects are drawn: half their side, in fractions of the picture's. */
import type { ObjectSize } from './vocabulary.js';

export interface Range {
  readonly low: number;
  readonly high: number;
}

export const SINGLE_RADIUS: Readonly<Record<ObjectSize, Range>> = {
  small: { low: 0.14, high: 0.18 },
  large: { low: 0.28, high: 0.38 },
};

/** Between small and large. */
export const SIZE_LIMIT = 0.23;

/** By number of objects; the least is 8.3 px at 64 px, where shapes are still told apart. */
export function severalRadius(objects: number): Range {
  if (objects <= 2) return { low: 0.16, high: 0.22 };
  return objects === 3 ? { low: 0.14, high: 0.19 } : { low: 0.13, high: 0.17 };
}

/** What the bootstraps share: how an item is drawn, and where the middle of many draws ends. */
import type { MersenneTwister } from '../data/random.js';

/** Part of the draws inside of an interval. */
export const INTERVAL_LEVEL = 0.95;

/** An item's number among `count`, each as likely as 32 bits allow. */
export function drawItem(random: MersenneTwister, count: number): number {
  return random.nextUint32() % count;
}

/** The interval that leaves as many of sorted draws below as above it. */
export function middleOf(sorted: ArrayLike<number>): readonly [low: number, high: number] {
  return [quantile(sorted, (1 - INTERVAL_LEVEL) / 2), quantile(sorted, (1 + INTERVAL_LEVEL) / 2)];
}

/** Of sorted values, between neighbours in proportion; NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * share;
  const [below, above] = [Math.floor(place), Math.ceil(place)];
  const [low, high] = [sorted[below] as number, sorted[above] as number];
  // Not by the difference alone: of two infinite neighbours that is no number.
  return low === high ? low : low + (high - low) * (place - below);
}

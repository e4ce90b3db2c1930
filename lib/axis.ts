/** Where the marks of an axis stand, and what they say. */

/** About `count` round numbers that enclose the range, evenly apart. */
export function roundTicks(low: number, high: number, count = 5): readonly number[] {
  const range = high > low ? high - low : Math.abs(low) || 1;
  const rough = range / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude;
  const start = Math.floor(low / step);
  const end = Math.max(start + 1, Math.ceil(high / step));
  return Array.from({ length: end - start + 1 }, (_, i) => (start + i) * step);
}

/** A mark's number, without the digits that its rounding has left. */
export function tickLabel(value: number): string {
  return Number(value.toPrecision(6)).toString();
}

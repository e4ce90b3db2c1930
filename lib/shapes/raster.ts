/** Polygons into anti-aliased masks. */
import { OUTLINES } from './outline.js';
import type { Shape } from './vocabulary.js';

/** Lines a pixel row; along a line, coverage is exact. */
const LINES = 8;

/** Coverage of pixels from (left, top): float32 (height, width), 0 to 1. */
export interface Mask {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly coverage: Float32Array;
}

/** A shape in pixels: (x, y) is the middle of the square that it fills. */
export interface ShapeInPixels {
  readonly shape: Shape;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** The pixels that a shape covers, and by how much; cut at the edges of a picture of width times height. */
export function rasterise({ shape, x, y, radius }: ShapeInPixels, width: number, height: number): Mask {
  const left = clamp(Math.floor(x - radius), width);
  const top = clamp(Math.floor(y - radius), height);
  const right = clamp(Math.ceil(x + radius), width);
  const bottom = clamp(Math.ceil(y + radius), height);
  const mask: Mask = {
    left,
    top,
    width: right - left,
    height: bottom - top,
    coverage: new Float32Array((right - left) * (bottom - top)),
  };
  // Relative to the mask.
  const points = OUTLINES[shape].map(([px, py]) => [x + px * radius - left, y + py * radius - top] as const);
  const xs = new Float64Array(points.map(([px]) => px));
  const ys = new Float64Array(points.map(([, py]) => py));
  const crossings = new Float64Array(xs.length);
  for (let line = 0; line < mask.height * LINES; line++) {
    const lineY = (line + 0.5) / LINES;
    const count = crossLine(xs, ys, lineY, crossings);
    const row = Math.floor(line / LINES) * mask.width;
    for (let i = 0; i + 1 < count; i += 2) {
      addSpan(mask, row, crossings[i] as number, crossings[i + 1] as number);
    }
  }
  return mask;
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}

/** Where a horizontal line meets the outline, sorted; returns how many times. */
function crossLine(xs: Float64Array, ys: Float64Array, lineY: number, crossings: Float64Array): number {
  let count = 0;
  for (let i = 0, before = ys.length - 1; i < ys.length; before = i++) {
    const [y0, y1] = [ys[before] as number, ys[i] as number];
    if (y0 > lineY === y1 > lineY) continue;
    const [x0, x1] = [xs[before] as number, xs[i] as number];
    const crossing = x0 + ((x1 - x0) * (lineY - y0)) / (y1 - y0);
    let at = count++;
    for (; at > 0 && (crossings[at - 1] as number) > crossing; at--)
      crossings[at] = crossings[at - 1] as number;
    crossings[at] = crossing;
  }
  return count;
}

function addSpan({ width, coverage }: Mask, row: number, from: number, to: number): void {
  const start = Math.max(from, 0);
  const end = Math.min(to, width);
  for (let column = Math.floor(start); column < end; column++) {
    const covered = Math.min(end, column + 1) - Math.max(start, column);
    coverage[row + column] = (coverage[row + column] as number) + covered / LINES;
  }
}

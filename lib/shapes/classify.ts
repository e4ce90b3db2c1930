/** Which shape a mask has: it is moved and scaled to one centre and one area, and laid over drawn templates. */
import { type Mask, rasterise } from './raster.js';
import { SHAPES, type Shape } from './vocabulary.js';

/** Cells a side of the common grid. */
const CELLS = 32;
/** Half the grid's side for an area of 1; the tips of stars and triangles lie just inside. */
const REACH = 1.1;
const TEMPLATE_RADIUS_PX = 48;
/** Widths in cells that templates are averaged over. */
const SOFTNESS = [1, 3, 5] as const;

export interface Classified {
  readonly shape: Shape;
  /** Overlap with the template: intersection over union of coverages, 0 to 1. */
  readonly overlap: number;
}

/** The shape that fits best. The mask must not be empty. */
export function classify(mask: Mask): Classified {
  const grid = normalise(mask);
  const scores = templates.map((template) => ({
    shape: template.shape,
    overlap: overlapOf(grid, template.grid),
  }));
  return scores.reduce((best, score) => (score.overlap > best.overlap ? score : best));
}

/** Of every shape: as drawn, and as soft as a decoder may leave it. */
const templates = SHAPES.flatMap((shape) => {
  const middle = TEMPLATE_RADIUS_PX;
  const drawn = normalise(rasterise({ shape, x: middle, y: middle, radius: middle }, 2 * middle, 2 * middle));
  return SOFTNESS.map((width) => ({ shape, grid: soften(drawn, width) }));
});

/** The mask's coverage with its centroid in the middle and an area of 1, float32 (32, 32). */
function normalise(mask: Mask): Float32Array {
  const { area, x, y } = centroid(mask);
  const step = (2 * REACH * Math.sqrt(area)) / CELLS;
  // Every pixel below a cell has its say.
  const samples = Math.max(1, Math.ceil(step));
  const grid = new Float32Array(CELLS * CELLS);
  const at = (position: number, middle: number) => middle + (position / samples - CELLS / 2) * step;
  for (let row = 0; row < CELLS * samples; row++) {
    for (let column = 0; column < CELLS * samples; column++) {
      const cell = Math.floor(row / samples) * CELLS + Math.floor(column / samples);
      const value = interpolate(mask, at(column + 0.5, x), at(row + 0.5, y));
      grid[cell] = (grid[cell] as number) + value / samples ** 2;
    }
  }
  return grid;
}

/** The mean of `width` cells along both axes, twice. */
function soften(grid: Float32Array, width: number): Float32Array {
  if (width === 1) return grid;
  const reach = (width - 1) / 2;
  let from = grid;
  for (const stride of [1, CELLS, 1, CELLS]) {
    const source = from;
    from = source.map((_, cell) => {
      const place = Math.floor(cell / stride) % CELLS;
      let sum = 0;
      for (let step = -reach; step <= reach; step++) {
        if (place + step >= 0 && place + step < CELLS) sum += source[cell + step * stride] as number;
      }
      return sum / width;
    });
  }
  return from;
}

function centroid({ width, coverage }: Mask): {
  readonly area: number;
  readonly x: number;
  readonly y: number;
} {
  let [area, x, y] = [0, 0, 0];
  coverage.forEach((share, i) => {
    area += share;
    x += share * ((i % width) + 0.5);
    y += share * (Math.floor(i / width) + 0.5);
  });
  return { area, x: x / area, y: y / area };
}

/** Bilinear; nothing is covered outside. Pixel (0, 0) has its middle at (0.5, 0.5). */
function interpolate({ width, height, coverage }: Mask, x: number, y: number): number {
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [right, below] = [x - 0.5 - left, y - 0.5 - top];
  const value = (column: number, row: number) =>
    column < 0 || row < 0 || column >= width || row >= height
      ? 0
      : (coverage[row * width + column] as number);
  const upper = value(left, top) * (1 - right) + value(left + 1, top) * right;
  const lower = value(left, top + 1) * (1 - right) + value(left + 1, top + 1) * right;
  return upper * (1 - below) + lower * below;
}

function overlapOf(a: Float32Array, b: Float32Array): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += Math.min(a[i] as number, b[i] as number);
    either += Math.max(a[i] as number, b[i] as number);
  }
  return both / either;
}

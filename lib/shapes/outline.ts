/** Outlines of the shapes as polygons that fill the square from -1 to 1; y points down. */
import type { Shape } from './vocabulary.js';

export type Point = readonly [x: number, y: number];

const CURVE_POINTS = 64;
/** Inner radius of a star whose tips lie at 1. */
const STAR_WAIST = 0.42;
/** Half the width of a cross's bars. */
const BAR = 0.34;

const turn = (i: number, count: number) => (2 * Math.PI * i) / count;

const circle = Array.from({ length: CURVE_POINTS }, (_, i): Point => {
  const angle = turn(i, CURVE_POINTS);
  return [Math.cos(angle), Math.sin(angle)];
});

const star = Array.from({ length: 10 }, (_, i): Point => {
  const radius = i % 2 === 0 ? 1 : STAR_WAIST;
  const angle = turn(i, 10) - Math.PI / 2;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
});

const heart = Array.from({ length: CURVE_POINTS }, (_, i): Point => {
  const angle = turn(i, CURVE_POINTS);
  const lobes =
    13 * Math.cos(angle) - 5 * Math.cos(2 * angle) - 2 * Math.cos(3 * angle) - Math.cos(4 * angle);
  return [16 * Math.sin(angle) ** 3, -lobes];
});

const cross: readonly Point[] = [
  [-BAR, -1],
  [BAR, -1],
  [BAR, -BAR],
  [1, -BAR],
  [1, BAR],
  [BAR, BAR],
  [BAR, 1],
  [-BAR, 1],
  [-BAR, BAR],
  [-1, BAR],
  [-1, -BAR],
  [-BAR, -BAR],
];

const square: readonly Point[] = [
  [-1, -1],
  [1, -1],
  [1, 1],
  [-1, 1],
];

const triangle: readonly Point[] = [
  [0, -1],
  [1, 1],
  [-1, 1],
];

/** Stretched so that it touches all four sides of the square. */
function fill(points: readonly Point[]): readonly Point[] {
  const range = (axis: 0 | 1) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)] as const;
  };
  const [left, right] = range(0);
  const [top, bottom] = range(1);
  return points.map(([x, y]) => [
    (2 * (x - left)) / (right - left) - 1,
    (2 * (y - top)) / (bottom - top) - 1,
  ]);
}

export const OUTLINES: Readonly<Record<Shape, readonly Point[]>> = {
  circle: fill(circle),
  square,
  triangle,
  star: fill(star),
  heart: fill(heart),
  cross,
};

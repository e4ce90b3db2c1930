/** OKLab (Ottosson, 2020): distances that follow the eye's. */
import type { Rgb } from './vocabulary.js';

export type Lab = readonly [lightness: number, a: number, b: number];

/** sRGB levels from 0 to 255. */
export function toOklab(rgb: Rgb): Lab {
  const [red, green, blue] = rgb.map(linear) as [number, number, number];
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short,
  ];
}

function linear(level: number): number {
  const value = level / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

/** The name whose colour is nearest; undefined where all are further than `limit`. */
export function nearestName<Name extends string>(
  rgb: Rgb,
  palette: Readonly<Record<Name, Rgb>>,
  limit: number,
): Name | undefined {
  const [l, a, b] = toOklab(rgb);
  let nearest: Name | undefined;
  let least = limit;
  for (const [name, colour] of Object.entries(palette) as [Name, Rgb][]) {
    const [pl, pa, pb] = toOklab(colour);
    const distance = Math.hypot(l - pl, a - pa, b - pb);
    if (distance > least) continue;
    nearest = name;
    least = distance;
  }
  return nearest;
}

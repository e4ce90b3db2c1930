/** Plain image analysis: the colour of the background, and the connected regions that differ from it. */
import type { RgbImage } from '../image/rgb-image.js';
import { connected, growInto } from './connected.js';
import type { Mask } from './raster.js';
import type { Rgb } from './vocabulary.js';

export interface Region {
  readonly colour: Rgb;
  /** How much of each pixel is the region's colour, rather than the background's. */
  readonly mask: Mask;
  /** Sum of the coverage, in pixels. */
  readonly area: number;
}

export interface Segmentation {
  readonly background: Rgb;
  readonly regions: readonly Region[];
}

/** Width of the border that tells the background, in fractions of the shorter side. */
const BORDER = 0.03;
/** Least distance from the background in RGB levels; the nearest pair of palette colours is 85 apart. */
const LEAST_CONTRAST = 35;
/** Specks below this share of the picture are no objects; the least that is drawn has 0.012. */
const LEAST_AREA = 0.004;
/** Of a region's colour: the middle of a soft edge. */
const HALF = 0.5;
/** Pixels at least this much of the way to a region's extreme are its core, the others its soft edge. */
const CORE = 0.7;

export function segment(image: RgbImage): Segmentation {
  const background = borderColour(image);
  const distances = contrast(smooth(image), background);
  const leastPixels = LEAST_AREA * distances.length;
  const { width } = image;
  const regions = connected(distances, width, LEAST_CONTRAST)
    .filter((pixels) => pixels.length >= leastPixels)
    .flatMap((pixels) => {
      const whole = measure(image, pixels, distances, background);
      // Blur joins neighbours by a faint bridge, which is far below half of their colour.
      const cores = connected(whole.shares, width, HALF).filter((core) => core.length >= leastPixels);
      if (cores.length < 2) return [whole];
      return growInto(cores, pixels, width).map((part) => measure(image, part, distances, background));
    });
  return { background, regions: regions.filter(({ area }) => area >= leastPixels) };
}

/** Per channel the median of the border: objects may hide less than half of it. */
function borderColour({ width, height, data }: RgbImage): Rgb {
  const border = Math.max(1, Math.round(BORDER * Math.min(width, height)));
  const counts = [0, 1, 2].map(() => new Uint32Array(256));
  let total = 0;
  for (let y = 0; y < height; y++) {
    const isInside = y >= border && y < height - border;
    for (let x = 0; x < width; x++) {
      if (isInside && x === border) x = width - border;
      counts.forEach((histogram, channel) => {
        const level = data[(y * width + x) * 3 + channel] as number;
        histogram[level] = (histogram[level] as number) + 1;
      });
      total++;
    }
  }
  return perChannel((channel) => medianLevel(counts[channel] as Uint32Array, total));
}

function perChannel(level: (channel: 0 | 1 | 2) => number): Rgb {
  return [level(0), level(1), level(2)];
}

function medianLevel(histogram: Uint32Array, total: number): number {
  let seen = 0;
  return histogram.findIndex((count) => {
    seen += count;
    return seen * 2 >= total;
  });
}

/** Mean of three by three pixels, so that noise makes no regions: float32 (height, width, 3). */
function smooth({ width, height, data }: RgbImage): Float32Array {
  const along = new Float32Array(data.length);
  const result = new Float32Array(data.length);
  const stride = width * 3;
  for (let i = 0; i < data.length; i++) {
    const column = Math.floor((i % stride) / 3);
    const before = column > 0 ? i - 3 : i;
    const after = column < width - 1 ? i + 3 : i;
    along[i] = ((data[before] as number) + (data[i] as number) + (data[after] as number)) / 3;
  }
  for (let i = 0; i < data.length; i++) {
    const before = i >= stride ? i - stride : i;
    const after = i < stride * (height - 1) ? i + stride : i;
    result[i] = ((along[before] as number) + (along[i] as number) + (along[after] as number)) / 3;
  }
  return result;
}

/** Distance of every pixel from the background in RGB levels. */
function contrast(levels: Float32Array, background: Rgb): Float32Array {
  const distances = new Float32Array(levels.length / 3);
  for (let pixel = 0; pixel < distances.length; pixel++) {
    const red = (levels[pixel * 3] as number) - background[0];
    const green = (levels[pixel * 3 + 1] as number) - background[1];
    const blue = (levels[pixel * 3 + 2] as number) - background[2];
    distances[pixel] = Math.sqrt(red * red + green * green + blue * blue);
  }
  return distances;
}

interface MeasuredRegion extends Region {
  /** The mask's coverage, for every pixel of the picture. */
  readonly shares: Float32Array;
}

/** A region's colour is that of its core; a pixel's coverage is how far it lies from the background towards it. */
function measure(
  image: RgbImage,
  pixels: readonly number[],
  distances: Float32Array,
  background: Rgb,
): MeasuredRegion {
  const { width, data } = image;
  const sorted = pixels.map((pixel) => distances[pixel] as number).sort((a, b) => a - b);
  const core = CORE * (sorted[Math.floor(sorted.length * 0.9)] as number);
  const inCore = pixels.filter((pixel) => (distances[pixel] as number) >= core);
  const colour = perChannel((channel) => {
    const levels = inCore.map((pixel) => data[pixel * 3 + channel] as number).sort((a, b) => a - b);
    return levels[levels.length >> 1] as number;
  });
  const [dr, dg, db] = perChannel((channel) => colour[channel] - background[channel]);
  const length = dr * dr + dg * dg + db * db;

  const columns = pixels.map((pixel) => pixel % width);
  const rows = pixels.map((pixel) => Math.floor(pixel / width));
  const [left, right] = rangeOf(columns);
  const [top, bottom] = rangeOf(rows);
  const maskWidth = right - left + 1;
  const shares = new Float32Array(distances.length);
  const coverage = new Float32Array(maskWidth * (bottom - top + 1));
  let area = 0;
  pixels.forEach((pixel, i) => {
    const red = (data[pixel * 3] as number) - background[0];
    const green = (data[pixel * 3 + 1] as number) - background[1];
    const blue = (data[pixel * 3 + 2] as number) - background[2];
    const share = Math.min(1, Math.max(0, (red * dr + green * dg + blue * db) / length));
    coverage[((rows[i] as number) - top) * maskWidth + (columns[i] as number) - left] = share;
    shares[pixel] = share;
    area += share;
  });
  return { colour, mask: { left, top, width: maskWidth, height: bottom - top + 1, coverage }, area, shares };
}

function rangeOf(values: readonly number[]): readonly [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

/**
 * Pillow's Image.resize for 8-bit RGB, bit for bit: antialiased filters in 22-bit fixed point, rows first, and a
 * result of 8 bits between the two passes. The original prepares its pictures with it; other libraries differ by a
 * few levels, and so does Pillow 13 where it resizes the columns of a tall picture first.
 */
import { SvgT2IError } from '../errors.js';
import { type RgbImage, rgbImage } from './rgb-image.js';

export type ResizeFilter = 'box' | 'bicubic';

interface Filter {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

/** Keys' cubic (1981) with a = -0.5. */
function bicubicWeight(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

const filters: Readonly<Record<ResizeFilter, Filter>> = {
  box: { support: 0.5, weight: (distance) => (distance > -0.5 && distance <= 0.5 ? 1 : 0) },
  bicubic: { support: 2, weight: bicubicWeight },
};

const PRECISION_BITS = 22;
const HALF = 2 ** (PRECISION_BITS - 1);

/** For each output pixel: its first input pixel, how many it reads, and `taps` weights in fixed point. */
interface Kernel {
  readonly taps: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
}

function createKernel(inputSize: number, outputSize: number, filter: Filter): Kernel {
  const scale = inputSize / outputSize;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const kernel: Kernel = {
    taps,
    first: new Int32Array(outputSize),
    count: new Int32Array(outputSize),
    weights: new Int32Array(outputSize * taps),
  };
  const exact = new Float64Array(taps);
  for (let out = 0; out < outputSize; out++) {
    const center = (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(inputSize, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = filter.weight((tap + first - center + 0.5) * (1 / stretch));
      exact[tap] = weight;
      sum += weight;
    }
    kernel.first[out] = first;
    kernel.count[out] = count;
    for (let tap = 0; tap < count; tap++) {
      const weight = ((exact[tap] as number) / (sum === 0 ? 1 : sum)) * 2 ** PRECISION_BITS;
      kernel.weights[out * taps + tap] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return kernel;
}

/** Fixed point to 0..255. */
function toByte(value: number): number {
  const level = value >> PRECISION_BITS;
  return Math.min(Math.max(level, 0), 255);
}

function resizeRows(image: RgbImage, width: number, filter: Filter): RgbImage {
  const { taps, first, count, weights } = createKernel(image.width, width, filter);
  const source = image.data;
  const data = new Uint8Array(width * image.height * 3);
  for (let row = 0; row < image.height; row++) {
    for (let column = 0; column < width; column++) {
      let [red, green, blue] = [HALF, HALF, HALF];
      let from = (row * image.width + (first[column] as number)) * 3;
      const start = column * taps;
      const end = start + (count[column] as number);
      for (let tap = start; tap < end; tap++, from += 3) {
        const weight = weights[tap] as number;
        red += (source[from] as number) * weight;
        green += (source[from + 1] as number) * weight;
        blue += (source[from + 2] as number) * weight;
      }
      const to = (row * width + column) * 3;
      data[to] = toByte(red);
      data[to + 1] = toByte(green);
      data[to + 2] = toByte(blue);
    }
  }
  return rgbImage(width, image.height, data);
}

function resizeColumns(image: RgbImage, height: number, filter: Filter): RgbImage {
  const { taps, first, count, weights } = createKernel(image.height, height, filter);
  const source = image.data;
  const stride = image.width * 3;
  const data = new Uint8Array(stride * height);
  // int32 holds every partial sum: 255 * 2^22 times the absolute weights' sum, which stays below 2.
  const sums = new Int32Array(stride);
  for (let row = 0; row < height; row++) {
    sums.fill(HALF);
    for (let tap = 0; tap < (count[row] as number); tap++) {
      const weight = weights[row * taps + tap] as number;
      const from = ((first[row] as number) + tap) * stride;
      for (let i = 0; i < stride; i++) {
        sums[i] = (sums[i] as number) + (source[from + i] as number) * weight;
      }
    }
    for (let i = 0; i < stride; i++) data[row * stride + i] = toByte(sums[i] as number);
  }
  return rgbImage(image.width, height, data);
}

/**
 * Resizes to `size`, as PIL.Image.resize(size, BOX | BICUBIC) does; a picture of that size already is returned as is.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a size below one pixel
 */
export function resizeImage(
  image: RgbImage,
  size: { readonly width: number; readonly height: number },
  filter: ResizeFilter,
): RgbImage {
  if (!Number.isInteger(size.width) || !Number.isInteger(size.height) || size.width < 1 || size.height < 1) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `a picture cannot be resized to ${size.width}x${size.height}`,
    );
  }
  const rows = size.width === image.width ? image : resizeRows(image, size.width, filters[filter]);
  return size.height === rows.height ? rows : resizeColumns(rows, size.height, filters[filter]);
}

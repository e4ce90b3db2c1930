/** Arrays in fortran order, whose first index runs fastest: rows collected from where they lie scattered. */
import { itemBytes, type NpyDtype, swapBytes } from './dtypes.js';

interface Layout {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  readonly isBigEndian: boolean;
}

/** Copies `count` values from one buffer to places of another that lie `stride` values apart. */
type Scatter = (from: number, count: number, to: number, stride: number) => void;

/** The rows `from` to `to` (first index) in C order and this machine's byte order, from one pass over the values. */
export async function gatherRows(
  values: AsyncIterable<Buffer>,
  { dtype, shape, isBigEndian }: Layout,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<ArrayBuffer> {
  const size = itemBytes(dtype);
  const [count = 0, ...sides] = shape;
  const rowLength = sides.reduce((product, side) => product * side, 1);
  const result = new ArrayBuffer((to - from) * rowLength * size);
  const place = placesOfColumns(sides);
  let done = 0;
  for await (const part of alignedParts(values, size)) {
    if (isBigEndian) swapBytes(part, size);
    const scatter = scatterer(part, result, size);
    const end = done + part.length / size;
    for (let column = Math.floor(done / count); column * count < end; column++) {
      const first = Math.max(done, column * count + from);
      const last = Math.min(end, column * count + to);
      if (first >= last) continue;
      const row = first - column * count - from;
      scatter(first - done, last - first, row * rowLength + place(column), rowLength);
    }
    done = end;
  }
  return result;
}

/** Where the values of a row stand in C order that are n-th in fortran order. */
function placesOfColumns(sides: readonly number[]): (column: number) => number {
  const strides = sides.map((_, i) => sides.slice(i + 1).reduce((product, side) => product * side, 1));
  return (column) => {
    let [rest, place] = [column, 0];
    for (const [i, side] of sides.entries()) {
      place += (rest % side) * (strides[i] as number);
      rest = Math.floor(rest / side);
    }
    return place;
  };
}

/** The same bytes in buffers of their own, cut between two values. */
async function* alignedParts(values: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const part of values) {
    const length = rest.length + part.length;
    const whole = length - (length % size);
    const joined = Buffer.from(new ArrayBuffer(length));
    rest.copy(joined);
    part.copy(joined, rest.length);
    rest = joined.subarray(whole);
    if (whole > 0) yield joined.subarray(0, whole);
  }
}

function scatterer(part: Buffer, result: ArrayBuffer, size: 1 | 2 | 4 | 8): Scatter {
  const count = part.length / size;
  const { buffer, byteOffset } = part;
  // Whole numbers, so that no value changes its bits on the way.
  if (size === 1) return scatterInto(new Uint8Array(buffer, byteOffset, count), new Uint8Array(result));
  if (size === 2) return scatterInto(new Uint16Array(buffer, byteOffset, count), new Uint16Array(result));
  if (size === 4) return scatterInto(new Uint32Array(buffer, byteOffset, count), new Uint32Array(result));
  return scatterInto(new BigUint64Array(buffer, byteOffset, count), new BigUint64Array(result));
}

function scatterInto<Value>(source: ArrayLike<Value>, target: { [index: number]: Value }): Scatter {
  return (from, count, to, stride) => {
    for (let i = 0; i < count; i++) target[to + i * stride] = source[from + i] as Value;
  };
}

/** The row of FID's Inception against torch-fidelity itself: one set of weights and pictures, in turn on one machine. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine, runtimeInfo } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import type { NativeTensor } from '../native/binding.js';
import { type BenchRow, median } from './row.js';
import { TorchFidelity } from './torch-fidelity.js';

export const TORCH_FIDELITY_ROW = 'eval-inception-torch-fidelity';

/** Of a call: torch-fidelity's usual batch. */
const PICTURES = 64;
const SIDE = 256;

export interface InceptionBenchOptions {
  /** A Python that has torch-fidelity. */
  readonly python: string;
  readonly repeats: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Images a second. Ours is a whole `measure-add`: the pictures' way into the engine, resizing, the network, means and
 * covariances; theirs resizing and the network alone.
 */
export async function measureInception(options: InceptionBenchOptions): Promise<BenchRow> {
  const { python, repeats, signal } = options;
  const threads = options.threads ?? runtimeInfo().threads;
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-bench-'));
  let library: TorchFidelity | undefined;
  try {
    const start = { python, folder, threads, pictures: PICTURES, side: SIDE, signal };
    library = await TorchFidelity.start(start);
    await using engine = await Engine.create({ device: 'cpu', threads });
    const path = join(folder, 'weights.pth');
    const spill = { bytes: 0, folder };
    await engine.run('measure-open', { inception: { path }, metrics: ['fid'], spill }, { signal });
    const tensors = numbered(await readFile(join(folder, 'pictures.bin')));
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = 0; i <= repeats; i++) {
      const began = performance.now();
      await engine.run('measure-add', { set: 'pictures' }, { tensors, signal });
      const own = (performance.now() - began) / 1000;
      const other = await library.seconds();
      if (i === 0) continue; // warms both up
      ours.push(own);
      theirs.push(other);
    }
    await library.end();
    const { tensors: statistics } = await engine.run('measure-statistics', { set: 'pictures' }, { signal });
    const { buffer } = new Uint8Array(await readFile(join(folder, 'mean.bin')));
    const rates = { ours: PICTURES / median(ours), plain: PICTURES / median(theirs) };
    return {
      name: TORCH_FIDELITY_ROW,
      ...rates,
      unit: 'images/s',
      ratio: rates.ours / rates.plain,
      difference: difference(statistics.mu, new Float64Array(buffer)),
    };
  } finally {
    library?.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

function numbered(bytes: Uint8Array): Readonly<Record<`image.${number}`, NativeTensor>> {
  const size = SIDE * SIDE * 3;
  const image = (i: number): NativeTensor => ({
    dtype: 'uint8',
    shape: [SIDE, SIDE, 3],
    data: bytes.subarray(i * size, (i + 1) * size),
  });
  return Object.fromEntries(Array.from({ length: PICTURES }, (_, i) => [`image.${i}`, image(i)]));
}

/** |ours - theirs| / |theirs| */
function difference(ours: NativeTensor | undefined, theirs: Float64Array): number {
  if (!(ours?.data instanceof Float64Array)) {
    throw new SvgT2IError('ERR_SVGT2I_INTERNAL', 'the engine returned no means');
  }
  const means = ours.data;
  return Math.hypot(...theirs.map((value, i) => value - (means[i] ?? Number.NaN))) / Math.hypot(...theirs);
}

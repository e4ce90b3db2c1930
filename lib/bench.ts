/** Benchmarks: each part of ours beside the plain path on the same weights, in the same process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { countedLaunches } from './bench/count.js';
import { ESTIMATE_ROWS, measureEstimates } from './bench/estimates.js';
import { gpuName } from './bench/gpu-name.js';
import { measureInception, TORCH_FIDELITY_ROW } from './bench/inception.js';
import { type BenchRow, median } from './bench/row.js';
import { measureServing, SERVING_ROWS } from './bench/serving.js';
import { measureTraining, TRAINING_ROWS } from './bench/training.js';
import { Engine, runtimeInfo } from './engine.js';
import { SvgT2IError } from './errors.js';
import { COMPUTE_DTYPES } from './facts.js';
import type { JobRequest } from './native/jobs.js';
import { SvgT2I } from './pipeline.js';
import { writeTinyRelease } from './release/tiny-release.js';

export type { BenchRow, TrainingSpeed } from './bench/row.js';

export interface BenchOptions {
  /** Rows whose name matches; all. */
  readonly rows?: RegExp | undefined;
  /** Timed runs of each; 3. */
  readonly repeats?: number | undefined;
  readonly threads?: number | undefined;
  /** cpu, cuda or cuda:N; a GPU has the rows of single parts, and whole steps of the 2B. */
  readonly device?: string | undefined;
  /** A Python that has torch-fidelity: adds the row eval-inception-torch-fidelity. */
  readonly torchFidelity?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Part = JobRequest<'bench'>['part'];

const computeDtypes: readonly string[] = COMPUTE_DTYPES;
const each = (part: Part, sizes: readonly string[], dtypes = computeDtypes) =>
  dtypes.flatMap((dtype) => sizes.map((size) => ({ part, name: `${part}-${size}-${dtype}` })));

/** The whole sample, timed through the API: what it takes above its model is the engine's overhead. */
const OVERHEAD = 'sample-overhead';

const nativeRows: readonly { readonly part: Part; readonly name: string }[] = [
  ...each('encoder', ['256', '512']),
  ...each('text-encoder', ['128', '256']),
  ...each('dit', ['256-128', '256-256', '512-128']),
  ...each('decoder', ['256', '512']),
  ...each('sample', ['256-128']),
  { part: 'inception', name: 'eval-inception' },
];

/** On a CPU alone: their plain path is our fp32 of the same weights. */
const int8Rows: typeof nativeRows = [
  ...each('text-encoder', ['128', '256'], ['int8']),
  ...each('dit', ['256-128', '256-256', '512-128'], ['int8']),
];

/** Whole steps of the 2B, in bf16: on a GPU alone, since a CPU takes minutes for one. */
const stepRows: typeof nativeRows = ['step', 'train'].flatMap((what) =>
  [256, 512, 1024].map((side) => ({ part: 'step' as const, name: `${what}-${side}-128` })),
);

/** Those of a GPU. */
export const GPU_BENCH_ROWS: readonly string[] = [...nativeRows, ...stepRows].map(({ name }) => name);

export const BENCH_ROWS: readonly string[] = [
  ...[...nativeRows, ...int8Rows, ...TRAINING_ROWS, ...ESTIMATE_ROWS].map(({ name }) => name),
  OVERHEAD,
  ...SERVING_ROWS,
];

/** What the numbers were measured on. */
export function benchMachine(device = 'cpu'): Readonly<Record<string, string | number | boolean>> {
  const { torch, threads, cpuCapability, cpuBf16 } = runtimeInfo();
  const processor = cpus()[0]?.model.trim() ?? 'unknown';
  const gpu = device === 'cpu' ? {} : { gpu: gpuName(device) };
  return { ...gpu, processor, threads, torch, cpuCapability, cpuBf16 };
}

/**
 * Rows one by one, as they are measured.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE where no row matches, or the Python of `torchFidelity` does not have it
 */
export async function* runBenchmarks(options: BenchOptions = {}): AsyncGenerator<BenchRow, void, undefined> {
  const { device = 'cpu' } = options;
  if (device !== 'cpu') {
    yield* runOnGpu(device, options);
    return;
  }
  const { rows = /./, repeats = 3, torchFidelity, signal } = options;
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  const withLibrary = torchFidelity !== undefined && rows.test(TORCH_FIDELITY_ROW);
  if (!withLibrary && !BENCH_ROWS.some((name) => rows.test(name))) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `no row matches ${rows.source}`, {
      hint: `Known rows: ${BENCH_ROWS.join(', ')}; with --torch-fidelity ${TORCH_FIDELITY_ROW}.`,
    });
  }
  for (const { part, name } of [...nativeRows, ...int8Rows].filter((row) => rows.test(row.name))) {
    yield* measureNative({ part, name, repeats, signal }, { device, ...threads });
  }
  if (withLibrary) yield await measureInception({ python: torchFidelity, repeats, ...threads, signal });
  const training = TRAINING_ROWS.filter(({ name }) => rows.test(name));
  if (training.length > 0) yield* measureTraining(training, { repeats, ...threads, signal });
  const estimates = ESTIMATE_ROWS.filter(({ name }) => rows.test(name));
  if (estimates.length > 0) yield* measureEstimates(estimates, { ...threads, signal });
  if (rows.test(OVERHEAD)) yield await measureOverhead(repeats, threads, signal);
  const serving = SERVING_ROWS.filter((name) => rows.test(name));
  if (serving.length > 0) yield* measureServing(serving, { repeats, ...threads, signal });
}

async function* runOnGpu(device: string, options: BenchOptions): AsyncGenerator<BenchRow, void, undefined> {
  const { rows = /./, repeats = 3, threads, signal } = options;
  const wanted = [...nativeRows, ...stepRows].filter(({ name }) => rows.test(name));
  if (wanted.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `no row of a GPU matches ${rows.source}`, {
      hint: `Known rows: ${GPU_BENCH_ROWS.join(', ')}.`,
    });
  }
  const settings = { device, ...(threads === undefined ? {} : { threads }) };
  for (const { part, name } of wanted) {
    for await (const row of measureNative({ part, name, repeats, signal }, settings)) {
      const launches = part === 'step' ? await countedLaunches(name, signal) : undefined;
      yield { ...row, ...(launches && { launches }) };
    }
  }
}

/** One row, in an engine of its own, so that none inherits another one's memory. */
async function* measureNative(
  row: {
    readonly part: Part;
    readonly name: string;
    readonly repeats: number;
    readonly signal?: AbortSignal | undefined;
  },
  settings: { readonly device: string; readonly threads?: number },
): AsyncGenerator<BenchRow, void, undefined> {
  const { part, name, repeats, signal } = row;
  await using engine = await Engine.create(settings);
  const { value } = await engine.run('bench', { part, only: name, repeats }, { signal });
  yield* value.rows;
}

/** Ours: seconds of a sample as the caller sees it; plain: those that its models took. */
async function measureOverhead(
  repeats: number,
  threads: { readonly threads?: number },
  signal?: AbortSignal,
): Promise<BenchRow> {
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-bench-'));
  try {
    await writeTinyRelease(folder, 1, { dit: { dim: 768, n_layers: 8 } });
    await using pipeline = await SvgT2I.load({
      pretrained: folder,
      device: 'cpu',
      dtype: 'fp32',
      ...threads,
      signal,
    });
    const seconds: { ours: number; plain: number }[] = [];
    for (let i = 0; i <= repeats; i++) {
      const start = performance.now();
      const { timings } = await pipeline.generate({
        prompt: 'overhead',
        width: 256,
        height: 256,
        steps: 20,
        signal,
      });
      const { encode = 0, model = 0, decode = 0 } = timings;
      seconds.push({ ours: (performance.now() - start) / 1000, plain: encode + model + decode });
    }
    seconds.shift(); // the first run warms up
    const ours = median(seconds.map((run) => run.ours));
    const plain = median(seconds.map((run) => run.plain));
    return { name: OVERHEAD, ours, plain, unit: 's', ratio: plain / ours };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

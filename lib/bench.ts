/** Benchmarks: each part of ours beside the plain path on the same weights, in the same process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ESTIMATE_ROWS, measureEstimates } from './bench/estimates.js';
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
  /** A Python that has torch-fidelity: adds the row eval-inception-torch-fidelity. */
  readonly torchFidelity?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Part = JobRequest<'bench'>['part'];

const dtypes: readonly string[] = COMPUTE_DTYPES;
const each = (part: Part, sizes: readonly string[]) =>
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

export const BENCH_ROWS: readonly string[] = [
  ...[...nativeRows, ...TRAINING_ROWS, ...ESTIMATE_ROWS].map(({ name }) => name),
  OVERHEAD,
  ...SERVING_ROWS,
];

/** What the numbers were measured on. */
export function benchMachine(): Readonly<Record<string, string | number | boolean>> {
  const { torch, threads, cpuCapability, cpuBf16 } = runtimeInfo();
  return { processor: cpus()[0]?.model.trim() ?? 'unknown', threads, torch, cpuCapability, cpuBf16 };
}

/**
 * Rows one by one, as they are measured.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE where no row matches, or the Python of `torchFidelity` does not have it
 */
export async function* runBenchmarks(options: BenchOptions = {}): AsyncGenerator<BenchRow, void, undefined> {
  const { rows = /./, repeats = 3, torchFidelity, signal } = options;
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  const withLibrary = torchFidelity !== undefined && rows.test(TORCH_FIDELITY_ROW);
  if (!withLibrary && !BENCH_ROWS.some((name) => rows.test(name))) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `no row matches ${rows.source}`, {
      hint: `Known rows: ${BENCH_ROWS.join(', ')}; with --torch-fidelity ${TORCH_FIDELITY_ROW}.`,
    });
  }
  for (const { part, name } of nativeRows.filter((row) => rows.test(row.name))) {
    // An engine of its own, so that no row inherits another one's memory.
    await using engine = await Engine.create({ device: 'cpu', ...threads });
    const { value } = await engine.run('bench', { part, only: name, repeats }, { signal });
    yield* value.rows;
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

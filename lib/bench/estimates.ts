/** Rows that hold an estimate against what drawing then takes: ours is estimated, plain is measured. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelSchema } from '../config/model.js';
import { settingsWithRules } from '../config/request.js';
import { Engine } from '../engine.js';
import { estimateFor } from '../estimate/release.js';
import type { Precision } from '../native/estimate-jobs.js';
import { SvgT2I } from '../pipeline.js';
import { EMBEDDED_MODEL } from '../release/embedded-model.js';
import { FoundRelease } from '../release/found-release.js';
import { type TinyReleaseSizes, writeTinyRelease } from '../release/tiny-release.js';
import type { BenchRow } from './row.js';

interface EstimateRow {
  readonly name: string;
  readonly dtype: Precision;
  readonly side: number;
  readonly steps: number;
  readonly batchSize: number;
  /** Undefined: the model of the package. */
  readonly sizes?: TinyReleaseSizes;
}

const text = { width: 256, layers: 6 };
const small: TinyReleaseSizes = {
  dit: { dim: 768, n_layers: 8, n_heads: 8, n_kv_heads: 4 },
  decoder: { ch: 64 },
  text,
};
const large: TinyReleaseSizes = {
  dit: { dim: 1152, n_layers: 14, n_refiner_layers: 2, n_heads: 16, n_kv_heads: 8 },
  decoder: { ch: 128, ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2 },
  text: { width: 512, layers: 8 },
};

const named = (row: Omit<EstimateRow, 'name'>, model: string): EstimateRow => ({
  ...row,
  name: `estimate-${model}-${row.side}-${row.dtype}${row.batchSize > 1 ? `-batch${row.batchSize}` : ''}`,
});

export const ESTIMATE_ROWS: readonly EstimateRow[] = [
  named({ dtype: 'fp32', side: 64, steps: 20, batchSize: 1 }, 'shapes'),
  named({ dtype: 'fp32', side: 64, steps: 20, batchSize: 16 }, 'shapes'),
  named({ dtype: 'fp32', side: 256, steps: 6, batchSize: 1, sizes: small }, 'small'),
  named({ dtype: 'bf16', side: 512, steps: 4, batchSize: 1, sizes: small }, 'small'),
  named({ dtype: 'fp32', side: 512, steps: 3, batchSize: 2, sizes: small }, 'small'),
  named({ dtype: 'bf16', side: 256, steps: 4, batchSize: 2, sizes: large }, 'large'),
  named({ dtype: 'fp32', side: 512, steps: 2, batchSize: 1, sizes: large }, 'large'),
  named({ dtype: 'bf16', side: 768, steps: 2, batchSize: 1, sizes: large }, 'large'),
];

export interface EstimateBenchOptions {
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Each once: a second drawing finds compiled what the first one had to compile, as a second picture does. */
export async function* measureEstimates(
  rows: readonly EstimateRow[],
  options: EstimateBenchOptions,
): AsyncGenerator<BenchRow, void, undefined> {
  for (const row of rows) {
    const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-bench-'));
    try {
      if (row.sizes !== undefined) await writeTinyRelease(folder, 1, row.sizes);
      yield await measureRow(row, row.sizes === undefined ? EMBEDDED_MODEL : folder, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function measureRow(
  { name, dtype, side, steps, batchSize }: EstimateRow,
  pretrained: string,
  { threads, signal }: EstimateBenchOptions,
): Promise<BenchRow> {
  const model = modelSchema.parse({ pretrained, device: 'cpu', dtype, threads });
  const drawn = { width: side, height: side, steps, batchSize, count: batchSize, guidanceScale: 4 };
  await using watcher = await Engine.create({ device: 'cpu', threads: 1 });
  const memory = async (resetPeak: boolean) => (await watcher.run('memory', { resetPeak })).value;
  await memory(true);
  const estimated = await estimateFor(new FoundRelease(model), {
    settings: settingsWithRules.parse(drawn),
    prompts: 1,
    promptTokens: PROMPT.split(' ').length + SYSTEM_WORDS,
    probeSeconds: 1,
    signal,
  });
  await memory(true);
  await using pipeline = await SvgT2I.load({ pretrained, device: 'cpu', dtype, threads, signal });
  const request = { ...drawn, prompt: PROMPT, systemPrompt: 'empty', signal };
  await pipeline.generate(request);
  const { timings } = await pipeline.generate(request);
  const measured = timings.sample + timings.decode;
  const peak = (await memory(false)).peakResidentBytes;
  const { time, memory: counted } = estimated;
  const ours = (time?.picture ?? Number.NaN) * batchSize;
  return {
    name,
    ours,
    plain: measured,
    unit: 's',
    ratio: measured / ours,
    oursPeakRss: counted.total,
    plainPeakRss: peak,
  };
}

const PROMPT = 'two red circles left of a blue square on a white ground';
/** The begin token. */
const SYSTEM_WORDS = 1;

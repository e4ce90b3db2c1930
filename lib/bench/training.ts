/** Rows of training: whole runs of some steps, ours and the plain path in turn. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingConfig } from '../config/train.js';
import { Engine } from '../engine.js';
import { rankPlace } from '../processes/ranks.js';
import type { Metrics } from '../train/metrics.js';
import { train } from '../train/run.js';
import { type BenchRow, median, type TrainingSpeed } from './row.js';
import { TrainingData, type TrainingVariant } from './training-data.js';

interface TrainingRow extends TrainingVariant {
  readonly name: string;
}

export const TRAINING_ROWS: readonly TrainingRow[] = [
  { name: 'train-dit-128-live-fp32', stage: 'dit', precision: 'fp32' },
  { name: 'train-dit-128-cache-fp32', stage: 'dit', precision: 'fp32', cached: true },
  { name: 'train-dit-128-cache-bf16', stage: 'dit', precision: 'bf16', cached: true },
  { name: 'train-autoencoder-64-fp32', stage: 'autoencoder', precision: 'fp32' },
  { name: 'train-autoencoder-64-bf16', stage: 'autoencoder', precision: 'bf16' },
];

export interface TrainingBenchOptions {
  /** Runs of each side. */
  readonly repeats: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of a run; the first one warms up and is not timed. */
const STEPS = 4;

interface Run {
  /** Of the timed steps. */
  readonly metrics: readonly Metrics[];
  /** Of all steps. */
  readonly losses: readonly number[];
  /** Bytes by which the process grew at most, its model included. */
  readonly peakRss: number;
}

export async function* measureTraining(
  rows: readonly TrainingRow[],
  options: TrainingBenchOptions,
): AsyncGenerator<BenchRow, void, undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-bench-'));
  try {
    const data = new TrainingData(folder);
    await data.write();
    for (const row of rows) yield await measureRow(row, { ...options, folder, data });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureRow(
  row: TrainingRow,
  options: TrainingBenchOptions & { readonly folder: string; readonly data: TrainingData },
): Promise<BenchRow> {
  const { repeats, threads, signal, data, folder } = options;
  if (row.cached === true) await data.writeCache(signal);
  const config = await data.config(row, STEPS, threads);
  const plainConfig = await data.config({ stage: row.stage, precision: 'fp32' }, STEPS, threads);
  // Of its own, since a run takes its engine with it.
  await using probe = await Engine.create({ device: 'cpu', ...(threads === undefined ? {} : { threads }) });
  const run = { probe, folder: join(folder, 'run'), signal };
  const ours: Run[] = [];
  const plain: Run[] = [];
  for (let i = 0; i < repeats; i++) {
    ours.push(await measureRun(config, { ...run, plain: false }));
    plain.push(await measureRun(plainConfig, { ...run, plain: true }));
  }
  const [oursSeconds, plainSeconds] = [secondsPerStep(ours), secondsPerStep(plain)];
  return {
    name: row.name,
    ours: oursSeconds,
    plain: plainSeconds,
    unit: 's',
    ratio: plainSeconds / oursSeconds,
    oursPeakRss: Math.max(...ours.map(({ peakRss }) => peakRss)),
    plainPeakRss: Math.max(...plain.map(({ peakRss }) => peakRss)),
    difference: difference(ours[0]?.losses ?? [], plain[0]?.losses ?? []),
    training: { ours: speed(ours, config.batch.global), plain: speed(plain, config.batch.global) },
  };
}

async function measureRun(
  config: TrainingConfig,
  options: {
    readonly probe: Engine;
    readonly folder: string;
    readonly plain: boolean;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Run> {
  const { probe, folder, plain, signal } = options;
  const { residentBytes: before } = await memory(probe, true);
  let after: ReturnType<typeof memory> | undefined;
  const metrics: Metrics[] = [];
  await train({
    config,
    folder,
    resume: 'new',
    place: rankPlace({}),
    plain,
    signal,
    onEvent: (event) => {
      if (event.type !== 'metrics') return;
      metrics.push(event.metrics);
      // Before the checkpoint and the export, which are no part of a step.
      if (metrics.length === STEPS) after = memory(probe, false);
    },
  });
  signal?.throwIfAborted();
  await rm(folder, { recursive: true });
  return {
    metrics: metrics.slice(1),
    losses: metrics.map(({ losses }) => Object.values(losses)[0] ?? Number.NaN),
    peakRss: ((await after)?.peakResidentBytes ?? before) - before,
  };
}

async function memory(probe: Engine, resetPeak: boolean) {
  const { value } = await probe.run('memory', { resetPeak });
  return value;
}

function secondsPerStep(runs: readonly Run[]): number {
  return median(runs.flatMap(({ metrics }) => metrics.map((step) => step.secondsPerStep)));
}

function speed(runs: readonly Run[], images: number): TrainingSpeed {
  const steps = runs.flatMap(({ metrics }) => metrics);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const phases = new Set(steps.flatMap(({ milliseconds }) => Object.keys(milliseconds)));
  const mean = (phase: string) =>
    sum(steps.map(({ milliseconds }) => milliseconds[phase] ?? 0)) / steps.length;
  const milliseconds = Object.fromEntries([...phases].map((phase) => [phase, mean(phase)]));
  const wholeMs = (1000 * sum(steps.map((step) => step.secondsPerStep))) / steps.length;
  return {
    imagesPerSecond: images / secondsPerStep(runs),
    milliseconds,
    dataShare: (milliseconds.data ?? 0) / wholeMs,
  };
}

/** |ours - plain| / |plain| */
function difference(ours: readonly number[], plain: readonly number[]): number {
  return Math.hypot(...ours.map((value, i) => value - (plain[i] ?? Number.NaN))) / Math.hypot(...plain);
}

/** What the loop of a run needs to know of a stage: the DiT's and the autoencoder's look the same to it. */
import type { Engine } from '../engine.js';
import type { BucketCounts } from '../features/bucket-counts.js';
import type { OrderedItem } from '../features/order.js';
import type { SampleStream } from '../features/sample-stream.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { JobValue } from '../native/jobs.js';
import type { TrainStepValue } from '../native/training-jobs.js';
import type { DeviceChoice } from '../processes/device.js';
import type { Ranks } from '../processes/ranks.js';
import type { ExportOptions } from './export-types.js';

/** What became of `initFrom`. */
export type StartReport = JobValue<'train-open'>;

export interface StepRequest<Sample> {
  /** From 0. */
  readonly step: number;
  readonly lr: number;
  /** This process's share. */
  readonly samples: readonly Sample[];
  readonly signal?: AbortSignal | undefined;
}

export interface StepReport {
  /** The first is what training lowers; NaN for what is no finite number. */
  readonly losses: Readonly<Record<string, number>>;
  readonly gradNorm: number;
  /** False where a number was not finite and so nothing was changed. */
  readonly applied: boolean;
  /** [t, loss] of this process's samples. */
  readonly times?: readonly (readonly [number, number])[];
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** What the engine says of the steps since the last report. */
export async function stepReports(engine: Engine): Promise<readonly StepReport[]> {
  const { value } = await engine.run('train-report', {});
  return value.steps.map(stepReport);
}

/** JSON has null for what is no number. */
function stepReport({ losses, gradNorm, applied, samples, milliseconds }: TrainStepValue): StepReport {
  const numbers = Object.entries(losses).map(([name, value]) => [name, value ?? Number.NaN] as const);
  return {
    losses: Object.fromEntries(numbers),
    gradNorm: gradNorm ?? Number.NaN,
    applied,
    ...(samples === undefined ? {} : { times: samples }),
    milliseconds,
  };
}

export interface OpenStage<Sample> {
  readonly engine: Engine;
  readonly start: StartReport;
  /** Pictures of one epoch. */
  readonly items: number;
  stream(order: Iterable<OrderedItem>, ahead: number, onBad: BadItemListener): SampleStream<Sample>;
  step(request: StepRequest<Sample>): Promise<void>;
  /** Of the steps since the last call, in their order. A GPU is waited for here, and not at every step. */
  reports(): Promise<readonly StepReport[]>;
  /** Called by all processes; only the first gets a picture. Undefined where the run draws none. */
  drawSamples(isFirst: boolean, signal?: AbortSignal): Promise<RgbImage | undefined>;
  /** How many pictures get each size; asked of the first process alone. */
  buckets(signal?: AbortSignal): Promise<BucketCounts>;
  /** Writes the trained model in the release's layout and returns the files. Called by all processes. */
  exportTo(folder: string, options: ExportOptions): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly device: DeviceChoice;
  /** Called once the engine is there, before anything is trained: meets the other processes. */
  readonly meet: (engine: Engine) => Promise<Ranks>;
  /** Train by plain operations, as the other side of a benchmark. */
  readonly plain?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning: (message: string) => void;
}

export type BadItemListener = (error: Error, index: number) => void;

/** One line of a benchmark. */
import type { NativeBenchRow } from '../native/jobs.js';

/** Of training, times are for one step, and the difference is that of the losses. */
export interface BenchRow extends NativeBenchRow {
  /** Of whole steps on a GPU: counted, not measured (count.ts). */
  readonly launches?: { readonly ours: number; readonly plain: number };
  readonly training?: { readonly ours: TrainingSpeed; readonly plain: TrainingSpeed };
}

export interface TrainingSpeed {
  readonly imagesPerSecond: number;
  /** Means of one step: waiting for data, encoding, gradients, update. */
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Of the whole time, waiting for data. */
  readonly dataShare: number;
}

/** The upper one of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

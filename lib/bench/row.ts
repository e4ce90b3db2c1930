/** One line of a benchmark. */

export interface BenchRow {
  /** Part, side in pixels, caption tokens where they matter, dtype: "dit-256-128-fp32". */
  readonly name: string;
  /** Medians; of training, for one step. */
  readonly ours: number;
  readonly plain: number;
  readonly unit: 's';
  /** plain / ours. */
  readonly ratio: number;
  /** Bytes by which the process grew at most. */
  readonly oursPeakRss?: number;
  readonly plainPeakRss?: number;
  /** |ours - plain| / |plain| of the results; of training, of the losses. */
  readonly difference?: number;
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

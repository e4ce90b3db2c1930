/** What the values of many pairs come to: mean, median, deviation, and how sure the mean is. */
import type { PairMetricName } from '../config/eval/measure.js';
import { MersenneTwister } from '../data/random.js';
import { drawItem, middleOf, quantile } from './resampling.js';

/** The values of many pairs by one metric. */
export interface PairSummary {
  /** Pairs. */
  readonly count: number;
  /** Of all; Infinity where pictures equal their partner and the metric is PSNR. */
  readonly mean: number;
  /** Of all. */
  readonly median: number;
  /** Sample standard deviation (n - 1) of the finite values; 0 of fewer than two. */
  readonly std: number;
  /** 95 % of the mean, by bootstrap over the finite values. */
  readonly interval: readonly [low: number, high: number];
  /** Values that are infinite: equal pictures have a PSNR without bound. */
  readonly infinite: number;
  /** Mean of the others. */
  readonly finiteMean: number;
}

const RESAMPLES = 1000;
/** Of more values the means are normal, and resampling would take seconds. */
const MAX_RESAMPLED = 5000;
const NORMAL_95 = 1.959964;

/** Of no values all is NaN. `seed` is that of the resampling. */
export function summarize(values: Float64Array, seed = 0): PairSummary {
  const finite = values.filter(Number.isFinite);
  const finiteMean = meanOf(finite);
  const infinite = values.length - finite.length;
  return {
    count: values.length,
    mean: infinite > 0 ? meanOf(values) : finiteMean,
    median: quantile(Float64Array.from(values).sort(), 0.5),
    std: deviationOf(finite, finiteMean),
    interval: bootstrapInterval(finite, seed),
    infinite,
    finiteMean,
  };
}

/** The range that holds 95 % of the means of resampled values: percentile bootstrap, 1000 resamples. */
export function bootstrapInterval(values: Float64Array, seed = 0): readonly [low: number, high: number] {
  const { length } = values;
  if (length === 0) return [Number.NaN, Number.NaN];
  if (length > MAX_RESAMPLED) {
    const mean = meanOf(values);
    const half = (NORMAL_95 * deviationOf(values, mean)) / Math.sqrt(length);
    return [mean - half, mean + half];
  }
  const random = new MersenneTwister(seed);
  const means = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += values[drawItem(random, length)] as number;
    means[resample] = sum / length;
  }
  means.sort();
  return middleOf(means);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: Float64Array, mean: number): number {
  if (values.length < 2) return 0;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Of each metric, over all pairs. */
export function summarizePairs(
  pairs: readonly { readonly values: Readonly<Partial<Record<PairMetricName, number>>> }[],
  metrics: readonly PairMetricName[],
): Readonly<Partial<Record<PairMetricName, PairSummary>>> {
  return Object.fromEntries(
    metrics.map((metric) => [
      metric,
      summarize(Float64Array.from(pairs, ({ values }) => values[metric] ?? Number.NaN)),
    ]),
  );
}

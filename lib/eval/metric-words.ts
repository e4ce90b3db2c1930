/** How metrics are called and written, for people. */
import type { MetricName, PairMetricName } from '../config/eval/measure.js';
import type { SetValues } from './measure-types.js';
import type { PairSummary } from './pair-values.js';
import type { Figure, ReportTable } from './report-content.js';

export const METRIC_TITLES: Readonly<Record<MetricName, string>> = {
  fid: 'FID',
  sfid: 'sFID',
  kid: 'KID',
  is: 'Inception Score',
  pr: 'precision and recall',
  psnr: 'PSNR',
  ssim: 'SSIM',
  'ssim-reflect': 'SSIM (reflected edges)',
  'ms-ssim': 'MS-SSIM',
  'ms-ssim-reflect': 'MS-SSIM (reflected edges)',
  lpips: 'LPIPS',
};

/** Of a distance less is better. */
export function isHigherBetter(metric: PairMetricName): boolean {
  return metric !== 'lpips';
}

const DIGITS: Readonly<Record<PairMetricName, number>> = {
  psnr: 2,
  ssim: 4,
  'ssim-reflect': 4,
  'ms-ssim': 4,
  'ms-ssim-reflect': 4,
  lpips: 4,
};

export function unitOf(metric: PairMetricName): string {
  return metric === 'psnr' ? 'dB' : '';
}

/** A distance of nothing may come out a little below it. */
function fixed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/^-(0\.0*)$/, '$1');
}

/** `28.31 dB`. */
export function pairText(metric: PairMetricName, value: number): string {
  const unit = unitOf(metric);
  const shown = Number.isFinite(value) ? fixed(value, DIGITS[metric]) : value > 0 ? 'infinite' : 'none';
  return unit === '' || !Number.isFinite(value) ? shown : `${shown} ${unit}`;
}

/** A line for each number of sets. `prefix` goes before the distances of whole sets: rFID. */
export function setFigures({ fid, sfid, kid, is, pr }: SetValues, prefix = ''): readonly Figure[] {
  const lower = 'lower is better';
  const higher = 'higher is better';
  return [
    ...(fid === undefined ? [] : [{ name: `${prefix}FID`, value: fixed(fid, 4), note: lower }]),
    ...(sfid === undefined ? [] : [{ name: `${prefix}sFID`, value: fixed(sfid, 4), note: lower }]),
    ...(kid === undefined
      ? []
      : [{ name: `${prefix}KID`, value: fixed(kid.mean, 6), note: `± ${fixed(kid.std, 6)}; ${lower}` }]),
    ...(is === undefined
      ? []
      : [{ name: 'Inception Score', value: fixed(is.mean, 4), note: `± ${fixed(is.std, 4)}; ${higher}` }]),
    ...(pr === undefined
      ? []
      : [
          { name: 'Precision', value: fixed(pr.precision, 4), note: higher },
          { name: 'Recall', value: fixed(pr.recall, 4), note: higher },
        ]),
  ];
}

/** A line for each metric of pairs. */
export function pairFigures(
  pairs: Readonly<Partial<Record<PairMetricName, PairSummary>>>,
): readonly Figure[] {
  return entries(pairs).map(([metric, summary]) => ({
    name: METRIC_TITLES[metric],
    value: pairText(metric, summary.mean),
    note: `${intervalText(metric, summary)} (95 %); ${isHigherBetter(metric) ? 'higher' : 'lower'} is better`,
  }));
}

/** Mean, interval, median, deviation of each metric of pairs. */
export function pairTable(
  title: string,
  pairs: Readonly<Partial<Record<PairMetricName, PairSummary>>>,
): ReportTable {
  return {
    title,
    columns: ['metric', 'mean', '95 % of the mean', 'median', 'deviation', 'pairs'],
    rows: entries(pairs).map(([metric, summary]) => [
      METRIC_TITLES[metric],
      pairText(metric, summary.mean),
      intervalText(metric, summary),
      pairText(metric, summary.median),
      pairText(metric, summary.std),
      String(summary.count),
    ]),
  };
}

/** What infinite values do to a mean, a line a metric. */
export function infiniteRemarks(
  pairs: Readonly<Partial<Record<PairMetricName, PairSummary>>>,
): readonly string[] {
  return entries(pairs)
    .filter(([, { infinite }]) => infinite > 0)
    .map(
      ([metric, { infinite, finiteMean }]) =>
        `${infinite} ${infinite === 1 ? 'pair is' : 'pairs are'} equal: ${METRIC_TITLES[metric]} is infinite there, and so is the mean; ${Number.isNaN(finiteMean) ? 'there are no others' : `of the others it is ${pairText(metric, finiteMean)}`}`,
    );
}

function intervalText(metric: PairMetricName, { interval: [low, high], infinite }: PairSummary): string {
  const range = `${pairText(metric, low)} to ${pairText(metric, high)}`;
  if (Number.isNaN(low)) return infinite === 0 ? 'none' : 'none: all are equal';
  return infinite === 0 ? range : `${range} without the equal ones`;
}

function entries(pairs: Readonly<Partial<Record<PairMetricName, PairSummary>>>) {
  return Object.entries(pairs) as [PairMetricName, PairSummary][];
}

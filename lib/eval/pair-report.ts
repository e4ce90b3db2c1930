/** What a report shows of pairs: the best, median and worst of them, histograms, a line each in pairs.jsonl. */
import { join } from 'node:path';
import type { PairMetricName } from '../config/eval/measure.js';
import { replaceFile } from '../files.js';
import { withoutInfinity } from './json-number.js';
import type { MeasuredPair } from './measure-pairs.js';
import { isHigherBetter, METRIC_TITLES, pairText, unitOf } from './metric-words.js';
import { PAIRS_FILE } from './own-source.js';
import type { ContactSheet, Histogram, ReportPicture } from './report-content.js';
import { smallPicture } from './small-picture.js';

/** Pictures of a sheet. */
const SHOWN = 8;

/** By which the best and the worst are told: what people see best, of those that there are. */
const BY: readonly PairMetricName[] = ['lpips', 'psnr', 'ms-ssim', 'ssim'];

/** A line for each pair. */
export async function writePairs(folder: string, pairs: readonly MeasuredPair[]): Promise<string> {
  const path = join(folder, PAIRS_FILE);
  await replaceFile(path, lines(pairs));
  return path;
}

function* lines(pairs: readonly MeasuredPair[]): Generator<string> {
  for (const { values, ...pair } of pairs) {
    yield `${JSON.stringify({ ...pair, ...values }, withoutInfinity)}\n`;
  }
}

export function pairHistograms(
  pairs: readonly MeasuredPair[],
  metrics: readonly PairMetricName[],
): readonly Histogram[] {
  return metrics.map((metric) => ({
    title: METRIC_TITLES[metric],
    unit: unitOf(metric),
    values: pairs.map(({ values }) => values[metric] ?? Number.NaN).filter(Number.isFinite),
  }));
}

/** Both pictures of a pair, as they were measured, and where the first lies. */
export interface ShownPair {
  readonly images: ReportPicture['images'];
  readonly path?: string | undefined;
}

/**
 * Sheets of the best, the median and the worst pairs. `show` gives the pictures anew: nobody holds thousands.
 *
 * @throws what `show` throws
 */
export async function extremeSheets(
  pairs: readonly MeasuredPair[],
  metrics: readonly PairMetricName[],
  show: (pair: MeasuredPair) => Promise<ShownPair>,
): Promise<readonly ContactSheet[]> {
  const metric = BY.find((one) => metrics.includes(one)) ?? metrics[0];
  if (metric === undefined || pairs.length === 0) return [];
  const amountOf = (pair: MeasuredPair) => pair.values[metric] ?? Number.NaN;
  const sign = isHigherBetter(metric) ? -1 : 1;
  const best = [...pairs].sort((a, b) => compare(amountOf(a), amountOf(b)) * sign || a.index - b.index);
  const title = METRIC_TITLES[metric];
  const middle = Math.max(0, Math.floor((best.length - SHOWN) / 2));
  const groups =
    best.length <= SHOWN
      ? [{ title: `All, best ${title} first`, chosen: best }]
      : [
          { title: `Best by ${title}`, chosen: best.slice(0, SHOWN) },
          { title: `Median by ${title}`, chosen: best.slice(middle, middle + SHOWN) },
          { title: `Worst by ${title}`, chosen: best.slice(-SHOWN).reverse() },
        ];
  const shown = await showInOrder(
    groups.flatMap(({ chosen }) => chosen),
    show,
  );
  const sheets = groups.map(({ title: name, chosen }) => ({
    title: name,
    pictures: chosen.map((pair): ReportPicture => {
      const { images, path } = shown.get(pair.index) ?? { images: [] };
      const value = `${title} ${pairText(metric, amountOf(pair))}`;
      return { caption: pair.name, images, value, ...(path === undefined ? {} : { path }) };
    }),
  }));
  return sheets;
}

/** In the order of the set, each once: an npz is read in one pass then. Small copies alone are kept. */
async function showInOrder(
  pairs: readonly MeasuredPair[],
  show: (pair: MeasuredPair) => Promise<ShownPair>,
): Promise<ReadonlyMap<number, ShownPair>> {
  const shown = new Map<number, ShownPair>();
  for (const pair of [...pairs].sort((a, b) => a.index - b.index)) {
    if (shown.has(pair.index)) continue;
    const { images, path } = await show(pair);
    shown.set(pair.index, { images: images.map(smallPicture), path });
  }
  return shown;
}

/** Also of infinite ones, whose difference is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

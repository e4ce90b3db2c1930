/** How values are spread, as a picture inside the page. */
import { roundTicks } from '../../axis.js';
import type { Histogram } from '../report-content.js';
import { quantile } from '../resampling.js';
import { framed, placeIn } from './axes.js';
import { escapeHtml } from './escape.js';

/** Bars of a histogram of many values, and of few. */
const [MAX_BARS, LEAST_BARS] = [40, 5];

/** Bars of equal width over round numbers, with both axes; what is no number is counted in words. */
export function histogramHtml({ title, unit, values }: Histogram): string {
  const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
  return [
    '<figure class="chart">',
    `<figcaption><h3>${escapeHtml(title)}</h3></figcaption>`,
    ...(finite.length === 0 ? [] : [picture(finite, { title, unit })]),
    `<p class="hint">${escapeHtml(summary(finite, values, unit))}</p>`,
    '</figure>',
  ].join('\n');
}

export interface Bins {
  /** Lower ends, and the upper end of the last. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** Of sorted values: twice the quartiles' distance over the cube root of their number is a bar's width (Freedman and Diaconis). */
export function binsOf(sorted: readonly number[]): Bins {
  const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 1];
  const spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  const width = (2 * spread) / Math.cbrt(sorted.length);
  const wanted = width > 0 ? Math.ceil((high - low) / width) : LEAST_BARS;
  const edges = roundTicks(low, high, Math.min(MAX_BARS, Math.max(LEAST_BARS, wanted)));
  const counts = edges.slice(1).map(() => 0);
  const first = edges[0] ?? 0;
  const step = (edges[1] ?? 1) - first;
  for (const value of sorted) {
    const bin = Math.min(counts.length - 1, Math.max(0, Math.floor((value - first) / step + 1e-9)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { edges, counts };
}

function picture(sorted: readonly number[], { title, unit }: Pick<Histogram, 'title' | 'unit'>): string {
  const { edges, counts } = binsOf(sorted);
  const most = roundTicks(0, Math.max(...counts), 4).at(-1) ?? 1;
  const frame = {
    x: [edges[0] ?? 0, edges.at(-1) ?? 1],
    y: [0, Math.max(1, most)],
    along: unit === '' ? 'value' : unit,
  } as const;
  const { x, y } = placeIn(frame);
  const bars = counts.flatMap((count, i) => {
    if (count === 0) return [];
    const [left, right] = [x(edges[i] ?? 0), x(edges[i + 1] ?? 0)];
    const size = `width="${Math.max(1, right - left - 1).toFixed(1)}" height="${(y(0) - y(count)).toFixed(1)}"`;
    return [`<rect class="bar" x="${(left + 0.5).toFixed(1)}" y="${y(count).toFixed(1)}" ${size}/>`];
  });
  return framed(`Histogram: ${title}`, frame, bars);
}

function summary(sorted: readonly number[], all: readonly number[], unit: string): string {
  const infinite = all.filter((value) => value === Infinity || value === -Infinity).length;
  const unknown = all.length - sorted.length - infinite;
  const counted = [`${sorted.length} ${sorted.length === 1 ? 'value' : 'values'}`];
  if (infinite > 0) counted.push(`${infinite} infinite`);
  if (unknown > 0) counted.push(`${unknown} not a number`);
  if (sorted.length === 0) return counted.join(', ');
  const [least, median, most] = [0, 0.5, 1].map((share) =>
    Number(quantile(sorted, share).toPrecision(4)).toString(),
  );
  const behind = unit === '' ? '' : ` ${unit}`;
  return `${counted.join(', ')}: least ${least}, median ${median}, largest ${most}${behind}`;
}

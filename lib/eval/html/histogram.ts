/** How values are spread, as a picture inside the page. */
import { roundTicks, tickLabel } from '../../axis.js';
import type { Histogram } from '../report-content.js';
import { escapeHtml } from './escape.js';

const [WIDTH, HEIGHT] = [380, 210];
const MARGIN = { left: 44, right: 12, top: 8, bottom: 38 };
/** Bars of a histogram of many values. */
const MAX_BARS = 40;
const LEAST_BARS = 5;

/** Bars of equal width over round numbers, with both axes; what is no number is counted in words. */
export function histogramHtml({ title, unit, values }: Histogram): string {
  const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
  return [
    '<figure class="histogram">',
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

/** Of sorted values, between two of them in proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

function picture(sorted: readonly number[], { title, unit }: Pick<Histogram, 'title' | 'unit'>): string {
  const { edges, counts } = binsOf(sorted);
  const [low, high] = [edges[0] ?? 0, edges.at(-1) ?? 1];
  const marks = roundTicks(0, Math.max(...counts), 4).filter(Number.isInteger);
  const most = marks.at(-1) ?? 1;
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const x = (value: number) => MARGIN.left + ((value - low) / (high - low)) * inner.width;
  const y = (count: number) => MARGIN.top + (1 - count / most) * inner.height;
  const floor = y(0).toFixed(1);
  const bars = counts.map((count, i) => {
    const [left, right] = [x(edges[i] ?? 0), x(edges[i + 1] ?? 0)];
    const height = y(0) - y(count);
    return count === 0
      ? ''
      : `<rect class="bar" x="${(left + 0.5).toFixed(1)}" y="${y(count).toFixed(1)}" width="${Math.max(1, right - left - 1).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  const rows = marks.map(
    (mark) =>
      `<line class="rule" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(mark).toFixed(1)}" y2="${y(mark).toFixed(1)}"/>` +
      `<text x="${MARGIN.left - 6}" y="${(y(mark) + 4).toFixed(1)}" text-anchor="end">${tickLabel(mark)}</text>`,
  );
  const columns = roundTicks(low, high, 4)
    .filter((mark) => mark >= low && mark <= high)
    .map(
      (mark) =>
        `<text x="${x(mark).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 15}" text-anchor="middle">${tickLabel(mark)}</text>`,
    );
  const axis = unit === '' ? 'value' : unit;
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(`Histogram: ${title}`)}">`,
    ...rows,
    ...bars,
    `<line class="axis" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${floor}" y2="${floor}"/>`,
    ...columns,
    `<text x="${MARGIN.left + inner.width / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(axis)}</text>`,
    '</svg>',
  ].join('');
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

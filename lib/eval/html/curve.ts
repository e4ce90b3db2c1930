/** How numbers change along a run: lines inside the page, and the numbers as a table for readers and for print. */
import { roundTicks } from '../../axis.js';
import type { Curve } from '../report-content.js';
import { type Frame, framed, placeIn } from './axes.js';
import { escapeHtml } from './escape.js';
import { tableHtml } from './table.js';

/** Lines that can be told apart; more take their looks in turn. */
const LOOKS = 8;
/** Points of a line on the picture. */
const MAX_POINTS = 1000;
/** Up to so many points are marked one by one. */
const MAX_MARKS = 40;

/** `id` is unique on the page. */
export function curveHtml(curve: Curve, id: string): string {
  const { title, unit, series } = curve;
  const lines = series.map(({ points }) =>
    points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
  );
  const all = lines.flat();
  return [
    '<figure class="chart">',
    `<figcaption><h3>${escapeHtml(unit === '' ? title : `${title}, ${unit}`)}</h3></figcaption>`,
    ...(all.length === 0 ? ['<p class="hint">No values yet.</p>'] : [picture(curve, lines)]),
    ...(series.length > 1 ? [legend(series)] : []),
    ...(all.length === 0
      ? []
      : [`<details><summary>Numbers of ${escapeHtml(title)}</summary>`, numbers(curve, id), '</details>']),
    '</figure>',
  ].join('\n');
}

type Points = Curve['series'][number]['points'];

function picture({ title, along }: Curve, lines: readonly Points[]): string {
  const all = lines.flat();
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const [low, high] = [least(ys), largest(ys)];
  const ticks = roundTicks(low, high, 4);
  const [first, last] = [least(xs), largest(xs)];
  const frame: Frame = {
    x: first === last ? [first - 1, last + 1] : [first, last],
    y: [ticks[0] ?? low, ticks.at(-1) ?? high],
    along,
  };
  const { x, y } = placeIn(frame);
  const drawn = lines.flatMap((points, i) => {
    const kept = thin(points).map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`);
    const look = `series-${i % LOOKS}`;
    const marks = points.length > MAX_MARKS ? [] : points;
    return [
      `<polyline class="line ${look}" points="${kept.join(' ')}"/>`,
      ...marks.map(
        ([px, py]) =>
          `<circle class="mark ${look}" cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="2.5"/>`,
      ),
    ];
  });
  return framed(`Curve: ${title}`, frame, drawn);
}

function legend(series: Curve['series']): string {
  const items = series.map(
    ({ name }, i) =>
      `<li><svg class="key" viewBox="0 0 24 8" aria-hidden="true"><line class="line series-${i % LOOKS}" x1="0" x2="24" y1="4" y2="4"/></svg>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

function numbers({ title, along, series }: Curve, id: string): string {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const values = series.map(({ points }) => new Map(points));
  const text = (value: number | undefined) =>
    value === undefined ? '' : String(Number(value.toPrecision(6)));
  return tableHtml(
    {
      title,
      columns: [along, ...series.map(({ name }) => name)],
      rows: xs.map((x) => [String(x), ...values.map((of) => text(of.get(x)))]),
    },
    id,
  );
}

function thin(points: Points): Points {
  const every = Math.ceil(points.length / MAX_POINTS);
  return every <= 1 ? points : points.filter((_, i) => i % every === 0 || i === points.length - 1);
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), values[0] ?? 0);
}

function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), values[0] ?? 1);
}

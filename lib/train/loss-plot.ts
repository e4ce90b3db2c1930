/** The losses of a run as one SVG picture. */
import { roundTicks, tickLabel } from '../axis.js';

export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

const WIDTH = 800;
/** Of one panel. */
const HEIGHT = 380;
const HEADER = 30;
const MARGIN = { left: 70, right: 20, top: 18, bottom: 45 };
const MAX_POINTS = 1500;
/** Share of the newest value in the smoothed line. */
const SMOOTHING = 0.05;

/** A panel for each loss, one below the other: a line of it as it is and one of its running mean. */
export function lossPlot(series: ReadonlyMap<string, readonly LossPoint[]>, title: string): string {
  const panels = series.size === 0 ? new Map([['loss', []]]) : series;
  const height = HEADER + panels.size * HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="18" font-size="14">${escapeXml(title)}</text>`,
    ...[...panels].flatMap(([name, points], i) => [
      `<g transform="translate(0 ${HEADER + i * HEIGHT})">`,
      ...panel(points, name),
      '</g>',
    ]),
    '</svg>',
    '',
  ].join('\n');
}

/** Axes with round numbers. */
function panel(points: readonly LossPoint[], name: string): readonly string[] {
  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  const first = finite[0]?.step ?? 0;
  const last = Math.max(first + 1, finite.at(-1)?.step ?? 1);
  const losses = finite.map(({ loss }) => loss);
  const ticks = roundTicks(least(losses, 0), largest(losses, 1));
  const [low, high] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  const x = (step: number) =>
    MARGIN.left + ((step - first) / (last - first)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (loss: number) =>
    HEIGHT - MARGIN.bottom - ((loss - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const line = (values: readonly LossPoint[], colour: string, width: number) =>
    `<polyline fill="none" stroke="${colour}" stroke-width="${width}" points="${values
      .map(({ step, loss }) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`)
      .join(' ')}"/>`;
  const rows = ticks.map(
    (tick) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tickLabel(tick)}</text>`,
  );
  const columns = roundTicks(first, last)
    .filter((tick) => tick >= first && tick <= last)
    .map(
      (tick) =>
        `<text x="${x(tick).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${tickLabel(tick)}</text>`,
    );
  return [
    `<text x="${MARGIN.left}" y="8">${escapeXml(name)}</text>`,
    ...rows,
    ...columns,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">step</text>`,
    line(thin(finite), '#b9cdea', 1),
    line(thin(smooth(finite)), '#1f5fb4', 2),
  ];
}

/** Exponential mean that starts at the first value. */
function smooth(points: readonly LossPoint[]): readonly LossPoint[] {
  let mean = points[0]?.loss ?? 0;
  return points.map(({ step, loss }, index) => {
    mean += (loss - mean) * Math.max(SMOOTHING, 1 / (index + 1));
    return { step, loss: mean };
  });
}

function thin(points: readonly LossPoint[]): readonly LossPoint[] {
  const every = Math.ceil(points.length / MAX_POINTS);
  return every <= 1
    ? points
    : points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

function least(values: readonly number[], fallback: number): number {
  return values.reduce((a, b) => Math.min(a, b), values[0] ?? fallback);
}

function largest(values: readonly number[], fallback: number): number {
  return values.reduce((a, b) => Math.max(a, b), values[0] ?? fallback);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

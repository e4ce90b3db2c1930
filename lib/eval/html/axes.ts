/** The frame that histograms and curves share: where values stand, and both axes with their marks. */
import { roundTicks, tickLabel } from '../../axis.js';
import { escapeHtml } from './escape.js';

export const [WIDTH, HEIGHT] = [380, 210];
const MARGIN = { left: 52, right: 14, top: 10, bottom: 38 };
const INNER = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
/** Width of a digit. */
const LETTER = 7;
/** Marks along the bottom, and up the side, about. */
const [ACROSS, UP] = [4, 4];

/** Ends of both axes, and what the one along the bottom is of. */
export interface Frame {
  readonly x: readonly [low: number, high: number];
  readonly y: readonly [low: number, high: number];
  readonly along: string;
}

export interface Place {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** From values to the picture's own units. */
export function placeIn({ x, y }: Frame): Place {
  const share = (value: number, [low, high]: readonly [number, number]) => (value - low) / (high - low || 1);
  return {
    x: (value) => MARGIN.left + share(value, x) * INNER.width,
    y: (value) => MARGIN.top + (1 - share(value, y)) * INNER.height,
  };
}

/** `title` for those who do not see it; `inside` is drawn between the rules and the axis. */
export function framed(title: string, frame: Frame, inside: readonly string[]): string {
  const place = placeIn(frame);
  const right = WIDTH - MARGIN.right;
  const within = ([low, high]: readonly [number, number], count: number) => {
    const room = (high - low) * 1e-9;
    return roundTicks(low, high, count).filter((tick) => tick >= low - room && tick <= high + room);
  };
  const rules = within(frame.y, UP).map((tick) => {
    const at = place.y(tick).toFixed(1);
    return (
      `<line class="rule" x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}"/>` +
      `<text x="${MARGIN.left - 6}" y="${(place.y(tick) + 4).toFixed(1)}" text-anchor="end">${tickLabel(tick)}</text>`
    );
  });
  const columns = within(frame.x, ACROSS).map((tick) => {
    const [at, label] = [place.x(tick), tickLabel(tick)];
    // What would reach beyond the picture ends with it.
    const isLast = at + (label.length * LETTER) / 2 > WIDTH;
    const anchor = isLast ? 'end' : 'middle';
    return `<text x="${(isLast ? WIDTH : at).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 15}" text-anchor="${anchor}">${label}</text>`;
  });
  const floor = HEIGHT - MARGIN.bottom;
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">`,
    ...rules,
    ...inside,
    `<line class="axis" x1="${MARGIN.left}" x2="${right}" y1="${floor}" y2="${floor}"/>`,
    ...columns,
    `<text x="${MARGIN.left + INNER.width / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(frame.along)}</text>`,
    '</svg>',
  ].join('');
}

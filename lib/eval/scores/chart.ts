/** Scores as one PNG: a row a figure, in it a bar and its interval for every run, and the numbers beside. */
import sharp from 'sharp';
import { roundTicks, tickLabel } from '../../axis.js';
import type { Score, ScoresResult } from './result.js';
import { SCORER_TITLES } from './run-scores.js';
import { ASCENT, DESCENT, textPath, textWidth } from './stroke-font.js';
import { intervalText, numberText, scoreText } from './tables.js';

const WIDTH = 1020;
const MARGIN = 28;
const LABEL_WIDTH = 256;
const BARS = { left: MARGIN + LABEL_WIDTH, right: 710 };
const [BAR, GAP, BETWEEN] = [13, 5, 12];
/** Pixels of the picture for one of the drawing. */
const FINENESS = 2;
/** Apart in brightness as well as in hue. */
const COLOURS = ['#0f6f68', '#c2571a', '#3f51a3', '#8a3d7c', '#7a7426', '#2d7fb8', '#a3324a', '#4c4f54'];
const PUBLISHED_COLOUR = '#9a9ea3';
const INK = '#1b1d1f';
const SOFT = '#5a5f66';
const LINE = '#d9d9d4';
const SIZE = { title: 20, text: 13, small: 11 };

/** One run's, or the paper's. */
interface Row {
  readonly score: Score | undefined;
  readonly text: string;
  readonly colour: string;
}

/** The picture's file; its letters are drawn as lines, so that no font is needed. */
export async function scoresPng(result: ScoresResult): Promise<Uint8Array> {
  return await sharp(Buffer.from(scoresSvg(result)), { density: 72 * FINENESS })
    .png()
    .toBuffer();
}

/** The drawing, in SVG without text elements. */
export function scoresSvg(result: ScoresResult): string {
  const parts: string[] = [];
  let y = MARGIN + SIZE.title;
  parts.push(text(`${SCORER_TITLES[result.as]}`, { x: MARGIN, y, size: SIZE.title, weight: 1.25 }));
  y += 14;
  for (const [name, colour] of legendOf(result)) {
    y += 22;
    parts.push(`<rect x="${MARGIN}" y="${y - 11}" width="12" height="12" fill="${colour}"/>`);
    parts.push(
      text(fitting(name, SIZE.text, WIDTH - 2 * MARGIN - 24), { x: MARGIN + 24, y, size: SIZE.text }),
    );
  }
  for (const group of ['main', 'detail'] as const) {
    const figures = figuresOf(result, group);
    if (figures.length === 0) continue;
    y += 34;
    if (group === 'detail') {
      parts.push(text('in detail', { x: MARGIN, y, size: SIZE.text, weight: 1.25 }));
      y += 12;
    }
    const drawn = drawFigures(result, figures, y);
    parts.push(...drawn.parts);
    y = drawn.bottom;
  }
  y += 30;
  parts.push(text(intervalText(result), { x: MARGIN, y, size: SIZE.small, colour: SOFT }));
  const height = Math.ceil(y + MARGIN);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...parts,
    '</svg>',
  ].join('\n');
}

function legendOf({ runs, published }: ScoresResult): readonly (readonly [name: string, colour: string])[] {
  const own = runs.map(({ name, prompts, pictures }, i) => {
    const counts = prompts === 0 ? '' : `  (${prompts} prompts, ${pictures} pictures)`;
    return [`${name}${counts}`, colourOf(i)] as const;
  });
  return published === undefined
    ? own
    : [...own, [`${published.title}: ${published.note}`, PUBLISHED_COLOUR]];
}

function figuresOf({ runs }: ScoresResult, group: Score['group']): readonly Score[] {
  const seen = new Map<string, Score>();
  for (const score of runs.flatMap(({ scores }) => scores)) {
    if (score.group === group && !seen.has(score.key)) seen.set(score.key, score);
  }
  return [...seen.values()];
}

function drawFigures(
  result: ScoresResult,
  figures: readonly Score[],
  top: number,
): { readonly parts: readonly string[]; readonly bottom: number } {
  const rows = figures.map((figure) => rowsOf(result, figure));
  const heights = rows.map((own) => own.length * (BAR + GAP) - GAP);
  const bottom = top + heights.reduce((sum, height) => sum + height + BETWEEN, 0);
  const x = (value: number) =>
    BARS.left + (Math.min(result.scale, value) / result.scale) * (BARS.right - BARS.left);
  const parts = roundTicks(0, result.scale).flatMap((tick) => [
    `<path d="M${x(tick).toFixed(1)} ${top}V${bottom}" stroke="${LINE}"/>`,
    text(tickLabel(tick), { x: x(tick), y: bottom + 16, size: SIZE.small, colour: SOFT, centred: true }),
  ]);
  let y = top + BETWEEN / 2;
  figures.forEach((figure, i) => {
    const height = heights[i] ?? 0;
    const isMean = figure.key === 'overall';
    const baseline = y + height / 2 + SIZE.text * 0.33;
    parts.push(
      text(fitting(figure.title, SIZE.text, LABEL_WIDTH - 12), {
        x: MARGIN,
        y: baseline,
        size: SIZE.text,
        weight: isMean ? 1.35 : 1,
      }),
    );
    (rows[i] ?? []).forEach((row, j) => {
      parts.push(...bar(row, y + j * (BAR + GAP), x));
    });
    y += height + BETWEEN;
  });
  return { parts, bottom: bottom + 18 };
}

function rowsOf(result: ScoresResult, { key, title, group }: Score): readonly Row[] {
  const own = result.runs.map(({ scores }, i) => {
    const score = scores.find((one) => one.key === key);
    return { score, text: scoreText(result, score), colour: colourOf(i) };
  });
  const value = group === 'main' ? result.published?.scores[key] : undefined;
  if (value === undefined) return own;
  const published = { key, title, group, value, prompts: 0 };
  return [...own, { score: published, text: numberText(result, value), colour: PUBLISHED_COLOUR }];
}

function bar({ score, text: said, colour }: Row, y: number, x: (value: number) => number): readonly string[] {
  const number = text(said, { x: BARS.right + 18, y: y + BAR - 2.5, size: SIZE.text });
  if (score === undefined || score.value === null) return [number];
  const width = Math.max(1, x(score.value) - BARS.left);
  const parts = [
    `<rect x="${BARS.left}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
    number,
  ];
  const { low, high } = score;
  if (low === undefined || high === undefined) return parts;
  const [left, right, middle] = [x(low).toFixed(1), x(high).toFixed(1), y + BAR / 2];
  const whisker = `M${left} ${middle}H${right}M${left} ${middle - 4}v8M${right} ${middle - 4}v8`;
  // Light around dark: seen on the bar and beside it.
  return [
    ...parts,
    `<path d="${whisker}" stroke="#fff" stroke-width="3.5" fill="none"/>`,
    `<path d="${whisker}" stroke="${INK}" stroke-width="1.5" fill="none"/>`,
  ];
}

function colourOf(run: number): string {
  return COLOURS[run % COLOURS.length] ?? INK;
}

interface TextPlace {
  readonly x: number;
  readonly y: number;
  /** Height of a line of text. */
  readonly size: number;
  readonly colour?: string;
  readonly weight?: number;
  readonly centred?: boolean;
}

function text(said: string, { x, y, size, colour = INK, weight = 1, centred = false }: TextPlace): string {
  const unit = size / (ASCENT + DESCENT);
  const left = centred ? x - (textWidth(said) * unit) / 2 : x;
  const path = textPath(said, { x: left, y, unit });
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${(0.85 * unit * weight).toFixed(2)}" stroke-linecap="round" stroke-linejoin="round"/>`;
}

/** Cut to a width, with dots. */
function fitting(said: string, size: number, width: number): string {
  const unit = size / (ASCENT + DESCENT);
  if (textWidth(said) * unit <= width) return said;
  const letters = [...said];
  while (letters.length > 1 && textWidth(`${letters.join('')}...`) * unit > width) letters.pop();
  return `${letters.join('')}...`;
}

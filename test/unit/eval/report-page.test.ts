// Parts of a report's page: bounds, marks of axes, links.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { curveHtml } from '../../../lib/eval/html/curve.js';
import { escapeHtml } from '../../../lib/eval/html/escape.js';
import { binsOf, histogramHtml } from '../../../lib/eval/html/histogram.js';
import { linkTo } from '../../../lib/eval/html/link.js';
import { reportPage } from '../../../lib/eval/html/page.js';
import { settingRows } from '../../../lib/eval/html/settings.js';
import { tableHtml } from '../../../lib/eval/html/table.js';
import { makeThumbnails, NO_THUMBNAILS } from '../../../lib/eval/html/thumbnails.js';
import type { ContactSheet, ReportContent } from '../../../lib/eval/report-content.js';
import { quantile } from '../../../lib/eval/resampling.js';
import { textPath, textWidth } from '../../../lib/eval/scores/stroke-font.js';
import { rgbImage } from '../../../lib/image/rgb-image.js';

it('writes out what would hide text or turn it around', () => {
  expect(escapeHtml(`<a href="x">'&\u202e\u0000\ufeff`)).toBe(
    '&lt;a href=&quot;x&quot;&gt;&#39;&amp;\\u202e\\x00\\ufeff',
  );
  expect(escapeHtml('עברית, العربية, 日本語 🦊')).toBe('עברית, العربية, 日本語 🦊');
});

it.each([
  ['/a/b', '/a/b/c.png', './c.png'],
  ['/a/b', '/a/c d/e#1?.png', '../c%20d/e%231%3F.png'],
  ['/a/b', '/a/b/javascript:alert(1)', './javascript%3Aalert(1)'],
  ['/a/b', '/a/b/\ud800.png', './%EF%BF%BD.png'],
])('links from %s to %s', (folder, path, link) => {
  expect(linkTo(folder, path)).toBe(link);
});

describe('a histogram', () => {
  it('counts every value once, between round numbers', () => {
    const values = [0, 0.1, 0.2, 0.2, 0.3, 0.5, 0.9, 1];
    const { edges, counts } = binsOf(values);
    expect([edges[0], edges.at(-1)]).toEqual([0, 1]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
    // 0.3 is a lower end, whatever 3 x 0.1 is in binary.
    const at = edges.findIndex((edge) => Math.abs(edge - 0.3) < 1e-9);
    expect(at < 0 || (counts[at] ?? 0) > 0).toBe(true);
  });

  it('has at most forty bars, and some where all values are one', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => Math.sin(i) ** 9).sort((a, b) => a - b);
    expect(binsOf(many).counts.length).toBeLessThanOrEqual(60);
    expect(binsOf([7, 7, 7]).counts.filter((count) => count > 0)).toEqual([3]);
  });

  it('says what it cannot show', () => {
    const html = histogramHtml({ title: 'PSNR', unit: 'dB', values: [1, 2, 3, Infinity, Number.NaN] });
    expect(html).toContain('3 values, 1 infinite, 1 not a number: least 1, median 2, largest 3 dB');
    expect(histogramHtml({ title: 'PSNR', unit: 'dB', values: [Infinity] })).not.toContain('<svg');
  });

  it('takes quantiles between values in proportion', () => {
    expect([0, 0.25, 0.5, 1].map((share) => quantile([1, 2, 3, 4], share))).toEqual([1, 1.75, 2.5, 4]);
  });
});

it('draws a curve of one point, and none of no numbers', () => {
  const curve = (points: readonly (readonly [number, number])[]) =>
    curveHtml({ title: 'FID', unit: '', along: 'step', series: [{ name: 'x', points }] }, 'id');
  expect(curve([[5, 1]])).toMatch(/<circle class="mark series-0" cx="\d+\.\d" cy="\d+\.\d"/);
  expect(curve([[5, Number.NaN]])).toContain('No values yet.');
  expect(curve([])).not.toContain('NaN');
});

describe('a table', () => {
  it('is cut after two thousand rows, and says so', () => {
    const rows = Array.from({ length: 2500 }, (_, i) => [`${i}`]);
    const html = tableHtml({ title: 't', columns: ['n'], rows }, 'id');
    expect(html.match(/<tr>/g)?.length).toBe(2001);
    expect(html).toContain('The first 2000 of 2500 rows');
  });

  it('knows numbers with units and intervals, and words that begin with digits', () => {
    const value = (cell: string) =>
      /data-value="([^"]*)"/.exec(tableHtml({ title: 't', columns: ['c'], rows: [[cell]] }, 'id'))?.[1];
    expect(
      ['1,234.5 dB', '0.753 [0.7, 0.8]', '-1e-3', '+0.02', '12 %', '.5', 'infinite', '-inf'].map(value),
    ).toEqual(['1234.5', '0.753', '-0.001', '0.02', '12', '0.5', 'Infinity', '-Infinity']);
    expect(['3rd', 'x 3', '', '2026-11-29', '-', 'infancy'].map(value)).toEqual(Array(6).fill(undefined));
  });
});

it('lists settings of any depth, without those that are not set', () => {
  expect(settingRows({ a: { b: [1, 'x'], c: null }, d: undefined, e: 'text', f: '', g: [{}] })).toEqual([
    ['a.b', '1, x'],
    ['a.c', 'null'],
    ['e', 'text'],
    ['f', '""'],
    ['g', '[{}]'],
  ]);
});

const EMPTY: ReportContent = {
  title: 't',
  command: '',
  time: 'once',
  headline: [],
  tables: [],
  histograms: [],
  sheets: [],
  failures: [],
  warnings: [],
  settings: {},
};

describe('thumbnails', () => {
  const noise = rgbImage(
    64,
    64,
    Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 256),
  );
  const sheet = (title: string, count: number): ContactSheet => ({
    title,
    pictures: Array.from({ length: count }, (_, i) => ({ caption: `${i}`, images: [noise] })),
  });

  it('are made for the first of every sheet while there is room', async () => {
    const sheets = [sheet('long', 40), sheet('short', 3)];
    const { of: one } = await makeThumbnails([sheet('x', 1)], 1e6);
    expect(one(sheets[0]?.pictures[0] ?? { caption: '', images: [] })).toEqual([]);
    const size =
      (await makeThumbnails(sheets, 1e6)).of(sheets[1]?.pictures[0] ?? { caption: '', images: [] })[0]?.url
        .length ?? 0;
    const { of, left } = await makeThumbnails(sheets, size * 10.5);
    const made = sheets.map(({ pictures }) => pictures.filter((picture) => of(picture).length > 0).length);
    expect([made, left]).toEqual([[7, 3], 33]);
  });

  it('make the page no longer than they may', async () => {
    const content: ReportContent = { ...EMPTY, sheets: [sheet('x', 30)] };
    const link = (path: string) => path;
    const text = reportPage(content, NO_THUMBNAILS, link).length;
    const thumbnails = await makeThumbnails(content.sheets, 40_000);
    const page = reportPage(content, { ...thumbnails, left: 0 }, link);
    expect(page.length - text).toBeGreaterThan(30_000);
    expect(page.length - text).toBeLessThanOrEqual(40_000);
    expect(reportPage(content, thumbnails, link)).toMatch(/\d+ pictures are without thumbnails/);
  });

  it('of none need no room', async () => {
    expect((await makeThumbnails([], 0)).left).toBe(0);
    expect((await makeThumbnails([sheet('x', 2)], -5)).left).toBe(2);
  });
});

describe('letters without a font', () => {
  it('are there for all of ASCII, with marks taken off, and a box for what is unknown', () => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const box = textPath('日', { x: 0, y: 0, unit: 1 });
    for (const letter of printable.slice(1)) {
      const path = textPath(letter, { x: 0, y: 0, unit: 1 });
      expect([letter, path === '' || path === box || /NaN/.test(path)]).toEqual([letter, false]);
    }
    expect(new Set(printable.map((letter) => textPath(letter, { x: 0, y: 0, unit: 1 }))).size).toBe(95);
    expect(textPath('é', { x: 0, y: 0, unit: 1 })).toBe(textPath('e', { x: 0, y: 0, unit: 1 }));
  });

  it('stand in columns where they are digits', () => {
    expect(textWidth('0.111')).toBe(textWidth('0.888'));
    expect(textWidth('')).toBe(0);
  });
});

it('has the colours of the page that `svg-t2i serve` shows', () => {
  const tokens = (path: string) => {
    const file = new URL(`../../../lib/${path}`, import.meta.url);
    const [css = ''] = readFileSync(file, 'utf8').split('@media print');
    return [...css.matchAll(/(--(?!shadow|gap|series)[\w-]+): (#\w+);/g)].map(
      ([, name, value]) => `${name} ${value}`,
    );
  };
  expect(tokens('eval/html/page/report.css')).toEqual(tokens('serve/page/base.css'));
});

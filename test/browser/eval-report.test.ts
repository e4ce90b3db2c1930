// A report of an evaluation in a real browser, opened from a disk as its reader does.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeReport } from '../../lib/eval/html/write-report.js';
import type { ReportContent } from '../../lib/eval/report-content.js';
import { encodeImage } from '../../lib/image/encode.js';
import { rgbImage } from '../../lib/image/rgb-image.js';
import { seriousFindings } from './axe.js';
import { noBrowser, useBrowser } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i report #1 ?-'));
afterAll(() => rmSync(folder, { recursive: true }));

const picture = (shade: number, side = 48) =>
  rgbImage(side, side, new Uint8Array(side * side * 3).fill(shade));
/** A name that means something to a shell, to an address and to HTML. */
const ODD_NAME = `it's 100% "right" <b>#1? — été.png`;
const HOSTILE = `</script><script>document.title = 'broken'</script><img src="https://example.org/x.png" onerror="document.title = 'broken'"> & "quotes" \u202eturned`;

const content: ReportContent = {
  title: `GenEval: <before> & "after"`,
  command: `svg-t2i eval report 'a b.jsonl' --out "x"`,
  time: '2026-11-29T06:00:00.000Z',
  headline: [
    { name: 'overall', value: '0.753', note: '0.731 to 0.774 (95 %)' },
    { name: HOSTILE, value: '12.3 dB' },
  ],
  tables: [
    {
      title: 'Pictures',
      columns: ['name', 'PSNR', 'note'],
      rows: [
        ...Array.from({ length: 14 }, (_, i) => [
          `picture ${i}`,
          `${(i * 7) % 10}.50 dB`,
          i === 3 ? 'striped' : '',
        ]),
        ['none', '', ''],
        ['large', '1,234.5 dB', HOSTILE],
      ],
    },
    { title: 'One', columns: ['only'], rows: [['row']] },
    {
      title: 'Without a name',
      columns: ['', 'PSNR'],
      rows: [
        ['a', '30 dB'],
        ['b', 'infinite'],
        ['c', '9 dB'],
      ],
    },
  ],
  histograms: [
    {
      title: 'PSNR',
      unit: 'dB',
      values: [...Array.from({ length: 200 }, (_, i) => 20 + Math.sin(i) * 3), Infinity],
    },
    { title: 'All alike', unit: '', values: [3, 3, 3] },
    { title: 'None', unit: 'dB', values: [] },
  ],
  curves: [
    {
      title: 'FID',
      unit: '',
      along: 'step',
      series: [
        {
          name: 'ema',
          points: [
            [1000, 40],
            [2000, 22],
            [3000, 15],
          ],
        },
        {
          name: 'raw',
          points: [
            [1000, 44],
            [2000, 30],
            [3000, 21],
          ],
        },
      ],
    },
    { title: 'One value', unit: 'dB', along: 'step', series: [{ name: 'x', points: [[5, 1]] }] },
  ],
  sheets: [
    {
      title: 'Best',
      pictures: [
        {
          caption: HOSTILE,
          images: [picture(200), picture(100)],
          path: join(folder, ODD_NAME),
          value: 'PSNR 30 dB',
          good: true,
        },
        { caption: 'no picture', images: [], good: false },
        { caption: 'a long_name_without_any_place_to_break_it_'.repeat(6), images: [picture(0, 300)] },
      ],
    },
  ],
  failures: [
    { prompt: HOSTILE, path: join(folder, ODD_NAME), reasons: ['expected fox>=2, found 1', '<i>second</i>'] },
    { reasons: ['no prompt'] },
  ],
  warnings: [`only 12 pictures for 2048 dimensions`],
  settings: { metrics: ['fid', 'kid'], kid: { subsets: 100, gamma: null }, name: HOSTILE, absent: undefined },
};
const page = () => pathToFileURL(join(folder, 'report.html')).href;

beforeAll(async () => {
  writeFileSync(join(folder, ODD_NAME), await encodeImage(picture(90), { format: 'png' }));
  await writeReport(folder, content, { overall: 0.753, best: Infinity });
});

describe.skipIf(noBrowser !== undefined)('a report', () => {
  const openPage = useBrowser();
  const firstColumn = (page: Page) =>
    page.locator('tbody').first().locator('tr td:first-child').allTextContents();

  it('asks for nothing, runs nothing of strangers, and shows their text as it is', async () => {
    const requests: string[] = [];
    const { page: shown, complaints } = await openPage('about:blank');
    shown.on('request', (request) => requests.push(request.url()));
    await shown.goto(page());
    expect(await shown.title()).toBe('GenEval: <before> & "after"');
    expect(await shown.locator('h1').textContent()).toBe('GenEval: <before> & "after"');
    const told = HOSTILE.replace('\u202e', '\\u202e');
    expect(await shown.locator('.caption').first().textContent()).toBe(told);
    expect(await shown.locator('#failures td').first().textContent()).toBe(told);
    expect(await shown.locator('img[onerror], i, b').count()).toBe(0);
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([page()]);
    expect(complaints).toEqual([]);
    const sizes = await shown
      .locator('.images img')
      .evaluateAll((images) => images.map((image) => (image as HTMLImageElement).naturalWidth));
    expect(sizes).toEqual([48, 48, 256]);
  });

  it('sorts by keyboard: numbers as numbers, nothing last, and says which way', async () => {
    const { page: shown } = await openPage(page());
    const heading = shown.locator('th', { hasText: 'PSNR' }).first();
    await heading.getByRole('button').focus();
    await shown.keyboard.press('Enter');
    expect(await heading.getAttribute('aria-sort')).toBe('ascending');
    const up = await firstColumn(shown);
    expect([up[0], up.at(-2), up.at(-1)]).toEqual(['picture 0', 'large', 'none']);
    await shown.keyboard.press('Space');
    expect(await heading.getAttribute('aria-sort')).toBe('descending');
    const down = await firstColumn(shown);
    expect([down[0], down.at(-1)]).toEqual(['large', 'none']);
    await shown.getByRole('button', { name: 'name' }).first().press('Enter');
    expect(await heading.getAttribute('aria-sort')).toBeNull();
    expect((await firstColumn(shown)).slice(2, 6)).toEqual([
      'picture 0',
      'picture 1',
      'picture 2',
      'picture 3',
    ]);
    const unnamed = shown.locator('table:has(caption:text-is("Without a name"))');
    expect(await unnamed.getByRole('button').count()).toBe(1);
    await unnamed.getByRole('button').press('Enter');
    expect(await unnamed.locator('td:first-child').allTextContents()).toEqual(['c', 'a', 'b']);
    expect(await shown.locator('table:has(caption:text-is("One")) button').count()).toBe(0);
  });

  it('finds rows by a word', async () => {
    const { page: shown } = await openPage(page());
    await shown.getByLabel(/^Rows of "Pictures" with/).fill('STRIPED');
    await expect.poll(() => shown.locator('tbody').first().locator('tr:visible').count()).toBe(1);
    expect(await shown.locator('[role="status"]').first().textContent()).toBe('1 of 16');
    expect(await shown.getByLabel(/^Rows of/).count()).toBe(1);
  });

  it('opens the pictures that it names, wherever folder and page are', async () => {
    const { page: shown } = await openPage(page());
    for (const link of [shown.locator('.picture a'), shown.locator('#failures td a')]) {
      await shown.goto(page());
      expect(await link.getAttribute('href')).toBe(
        './it%27s%20100%25%20%22right%22%20%3Cb%3E%231%3F%20%E2%80%94%20%C3%A9t%C3%A9.png',
      );
      await link.click();
      await shown.waitForURL((url) => url.pathname.endsWith('.png'));
      expect(await shown.locator('img').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(
        48,
      );
    }
  });

  it.each(['light', 'dark'] as const)('has no serious findings of axe, %s', async (colorScheme) => {
    const { page: shown } = await openPage(page(), { colorScheme });
    expect(await seriousFindings(shown)).toEqual([]);
    const ground = await shown.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
    expect(ground).toBe(colorScheme === 'dark' ? 'rgb(19, 21, 22)' : 'rgb(247, 247, 245)');
  });

  it('fits 320 pixels without going sideways', async () => {
    const { page: shown } = await openPage(page(), { viewport: { width: 320, height: 640 } });
    expect(await shown.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    expect(await seriousFindings(shown)).toEqual([]);
  });

  it('is whole without its script, and on paper', async () => {
    const { page: shown } = await openPage(page(), { javaScriptEnabled: false });
    expect(await shown.locator('section h2').allTextContents()).toEqual([
      'Warnings',
      'Tables',
      'Curves',
      'Histograms',
      'Pictures',
      'Failures',
      'Settings',
      'Command',
    ]);
    expect(await shown.locator('th button').count()).toBe(0);
    const { page: printed } = await openPage(page(), { colorScheme: 'dark' });
    await printed.emulateMedia({ media: 'print' });
    const ground = await printed.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
    expect([ground, await printed.locator('nav').isVisible()]).toEqual(['rgb(255, 255, 255)', false]);
  });

  it('reaches everything by Tab: the way past the head comes first', async () => {
    const { page: shown } = await openPage(page());
    await shown.keyboard.press('Tab');
    expect(await shown.evaluate(() => document.activeElement?.textContent)).toBe('To the results');
    await shown.keyboard.press('Enter');
    expect(await shown.evaluate(() => document.activeElement?.id)).toBe('results');
  });
});

it('is one file, and results.json is JSON though a number is infinite', () => {
  expect(JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'))).toEqual({
    overall: 0.753,
    best: 'inf',
  });
  const html = readFileSync(join(folder, 'report.html'), 'utf8');
  expect(html.match(/(?:src|href)="(?!data:|#|\.\/)[^"]*"/g)).toBeNull();
  expect(statSync(join(folder, 'report.html')).size).toBeLessThan(100_000);
});

it('makes its folder, with the one above', async () => {
  const deep = join(folder, 'a', 'b');
  mkdirSync(join(folder, 'a'));
  const { html } = await writeReport(deep, { ...content, sheets: [] }, null);
  expect(html).toBe(join(deep, 'report.html'));
});

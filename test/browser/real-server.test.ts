/** The page served by the command itself, with the model that comes with the package. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAIN } from '../e2e/cli.js';
import { draw, jobState, pictures } from './actions.js';
import { noBrowser, useBrowser } from './chromium.js';

describe.skipIf(noBrowser !== undefined)('the page of svg-t2i serve', () => {
  const openPage = useBrowser();
  let server: ChildProcess;
  let url = '';
  beforeAll(async () => {
    server = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--device', 'cpu', '--log', 'json'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    url = await addressOf(server);
  });
  afterAll(async () => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });

  test('draws, shows previews, keeps the picture with its parameters, and draws it again', async () => {
    const { page, complaints } = await openPage(url);
    await page.getByText('Ready', { exact: true }).waitFor();
    await page.evaluate(() => {
      const previews = new Set<string>();
      Object.assign(window, { previews });
      new MutationObserver(() => {
        for (const image of document.querySelectorAll<HTMLImageElement>('.previews img'))
          previews.add(image.src);
      }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['src'] });
    });
    await draw(page, 'a red circle left of a blue square');
    await pictures(page).first().waitFor();
    const previews = await page.evaluate(
      () => (window as unknown as { previews: Set<string> }).previews.size,
    );
    expect(previews).toBeGreaterThan(1);
    const first = await pictureBytes(page);
    const { comments = [] } = await sharp(first).metadata();
    expect(comments.find(({ keyword }) => keyword === 'parameters')?.text).toContain('a red circle left of');
    await pictures(page).first().click();
    await page.getByRole('button', { name: 'Again with these' }).click();
    await page.keyboard.press('Control+Enter');
    await expect.poll(() => pictures(page).count()).toBe(2);
    const again = await pictureBytes(page);
    expect(await pixels(again)).toEqual(await pixels(first));
    expect(complaints).toEqual([]);
  });

  test('a job goes on over a reload, and is cancelled', async () => {
    const { page, complaints } = await openPage(url);
    // Longer than a reload takes, on any processor.
    await page.getByRole('radio', { name: 'Free' }).check();
    await page.getByLabel('Width').fill('512');
    await page.getByLabel('Height').fill('512');
    await page.getByLabel('Steps', { exact: true }).fill('200');
    await draw(page, 'a pink heart');
    const step = async () => {
      const words = await jobState(page, /^Step \d+ of 200/).textContent();
      return Number(/\d+/.exec(words ?? '')?.[0]);
    };
    const before = await step();
    await page.reload();
    await expect.poll(step).toBeGreaterThan(before);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.job').waitFor({ state: 'detached' });
    await page.getByText('Nothing here yet.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('what the page asks for in all its fields is what the server takes', async () => {
    const { page, complaints } = await openPage(url);
    await page.getByText('More settings').click();
    await page.getByRole('radio', { name: 'Free' }).check();
    await page.getByLabel('Width').fill('96');
    await page.getByLabel('Steps', { exact: true }).fill('4');
    await page.getByRole('spinbutton', { name: 'Pictures' }).fill('2');
    await page.getByLabel('Negative prompt').fill('a star');
    await page.getByLabel('Solver').selectOption('euler');
    await page.getByLabel('Shift').fill('3');
    await page.getByLabel('Guidance mode').selectOption('standard');
    await page.getByLabel('File format').selectOption('webp');
    await draw(page, 'two green hearts');
    await expect.poll(() => pictures(page).count()).toBe(2);
    const { format, width, height } = await sharp(await pictureBytes(page)).metadata();
    expect({ format, width, height }).toEqual({ format: 'webp', width: 96, height: 64 });
    await page.getByLabel('Guidance schedule').fill('early-2x');
    await draw(page, 'two green hearts');
    await page.getByText('Not one of the forms above.').waitFor();
    expect(complaints).toEqual([]);
  });
});

/** The address of a server that is starting, once it can draw. */
async function addressOf(server: ChildProcess): Promise<string> {
  let told = '';
  const { stderr } = server;
  if (stderr === null) throw new Error('the server has no stderr');
  for await (const chunk of stderr.iterator({ destroyOnReturn: false })) {
    told += String(chunk);
    const [, url] = /listening at (http:[^"\s]+)/.exec(told) ?? [];
    if (url === undefined || !told.includes('is ready')) continue;
    // Or it would wait, once the pipe is full.
    stderr.resume();
    return `${url}/`;
  }
  throw new Error(`the server did not start: ${told}`);
}

/** The file of the newest picture, as the browser keeps it. */
async function pictureBytes(page: import('playwright-core').Page): Promise<Buffer> {
  await pictures(page).first().click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  return Buffer.concat(chunks);
}

function pixels(file: Buffer): Promise<Buffer> {
  return sharp(file).raw().toBuffer();
}

/** What this browser keeps, where keeping fails: a store that is full, refuses or cannot be read, and tabs that share one. */
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { draw, drawButton, jobState, pictures } from './actions.js';
import { noBrowser, useBrowser } from './chromium.js';
import { FakeServer } from './fake-server.js';

describe.skipIf(noBrowser !== undefined)('storage', () => {
  const openPage = useBrowser();
  let server: FakeServer;
  beforeEach(async () => {
    server = await FakeServer.start();
  });
  afterEach(() => server.kill());

  const ready = (page: Page) => page.getByText('Ready', { exact: true }).waitFor();

  const count = (page: Page) => page.getByRole('spinbutton', { name: 'Pictures' });

  async function drawOne(page: Page): Promise<void> {
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 3);
    job.done();
  }

  test('a browser without room shows the picture all the same, and says that it is not kept', async () => {
    const { page } = await openPage(server.url);
    await page.getByText('Ready', { exact: true }).waitFor();
    const devtools = await page.context().newCDPSession(page);
    const { origin } = new URL(server.url);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 3);
    job.done();
    await page.getByRole('alert').getByText('This browser has no room for more pictures.').waitFor();
    await pictures(page).first().waitFor();
    await page.getByText('1 picture in this browser').waitFor();
  });

  test('a browser that is full in the middle of a job still shows the rest of it, and keeps what has room', async () => {
    const { page, complaints } = await openPage(server.url);
    const devtools = await page.context().newCDPSession(page);
    const { origin } = new URL(server.url);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 200_000 });
    await count(page).fill('3');
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 3);
    await page.getByText(/^1 picture in this browser/).waitFor();
    await job.largeImage(1, 4, 512);
    await page.getByRole('alert').getByText('This browser has no room for more pictures.').waitFor();
    await job.image(2, 5);
    job.done();
    await page.getByText(/^3 pictures in this browser/).waitFor();
    await page.locator('.job').waitFor({ state: 'detached' });
    await page.reload();
    await expect.poll(() => pictures(page).count()).toBe(2);
    expect(complaints).toEqual([]);
  });

  test('a store that refuses one picture is told by its reason, and the job goes on', async () => {
    const { page, complaints } = await openPage(server.url);
    await ready(page);
    // A request that fails ends its transaction, which has no error yet when the request tells its own.
    await page.evaluate(() => {
      const { add, put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value) {
        put.call(this, value);
        return add.call(this, value);
      };
    });
    await count(page).fill('2');
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 3);
    await page
      .getByRole('alert')
      .getByText(/keeps no pictures \(ConstraintError\)/)
      .waitFor();
    await job.image(1, 4);
    job.done();
    await expect.poll(() => pictures(page).count()).toBe(2);
    await page.locator('.job').waitFor({ state: 'detached' });
    await drawOne(page);
    await page.getByText(/^3 pictures in this browser/).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a fault of the page with one picture is told, and the next one comes', async () => {
    const { page } = await openPage(server.url);
    await ready(page);
    await page.evaluate(() => {
      IDBDatabase.prototype.transaction = () => {
        throw new Error('this is a fault');
      };
    });
    await count(page).fill('2');
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 3);
    await page.getByRole('alert').getByText('this is a fault').waitFor();
    await job.image(1, 4);
    job.done();
    await expect.poll(() => pictures(page).count()).toBe(2);
    await page.locator('.job').waitFor({ state: 'detached' });
  });

  test('pictures that cannot be read are told, and the page draws without them', async () => {
    const { page, complaints } = await openPage(server.url);
    await drawOne(page);
    await page.locator('.job').waitFor({ state: 'detached' });
    await page.addInitScript(() => {
      const fail = () => {
        throw new DOMException('Internal error.', 'UnknownError');
      };
      IDBIndex.prototype.openCursor = fail;
      IDBObjectStore.prototype.count = fail;
    });
    await page.reload();
    await page
      .getByRole('alert')
      .getByText(/keeps no pictures \(UnknownError\)/)
      .waitFor();
    await ready(page);
    await drawOne(page);
    await page.getByText(/^1 picture in this browser/).waitFor();
    await page.getByRole('button', { name: 'Delete all' }).click();
    await page.getByText('1 picture will be gone from this browser.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a store that never answers holds up nothing', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await page.addInitScript(() => {
      IDBFactory.prototype.open = () => new EventTarget() as IDBOpenDBRequest;
    });
    await page.reload();
    await ready(page);
    job.step(5, 20, 10);
    await jobState(page, 'Step 5 of 20').waitFor();
    await job.image(0, 3);
    job.done();
    await expect.poll(() => pictures(page).count()).toBe(1);
  });

  test('what another tab asks for does not come into the form of this one', async () => {
    const { page, openTab } = await openPage(server.url);
    await page.getByLabel('Prompt', { exact: true }).fill('a red circle');
    const tab = await openTab(server.url);
    await tab.getByLabel('Prompt', { exact: true }).fill('a blue square');
    server.capabilities = {
      ...server.capabilities,
      limits: { ...server.capabilities.limits, n: 2 },
    };
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await expect.poll(() => count(page).getAttribute('max')).toBe('2');
    expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe('a red circle');
    await drawButton(page).click();
    expect((await server.nextJob()).body.prompt).toBe('a red circle');
  });
});

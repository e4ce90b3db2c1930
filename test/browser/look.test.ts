/** Whom the page is for: narrow screens, the dark, keyboards, screen readers, people who want no motion. */
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { draw, drawButton, jobState, pictures } from './actions.js';
import { seriousFindings } from './axe.js';
import { noBrowser, useBrowser } from './chromium.js';
import { FakeServer } from './fake-server.js';

const LONG = 'a very long prompt of many words '.repeat(10).slice(0, 300);
const UNBROKEN = 'x'.repeat(300);
const NARROW = { width: 320, height: 640 };

describe.skipIf(noBrowser !== undefined)('looks', () => {
  const openPage = useBrowser();
  let server: FakeServer;
  beforeEach(async () => {
    server = await FakeServer.start();
  });
  afterEach(() => server.kill());

  /** A page with a picture, a job on its way, one that failed and all settings open. */
  async function fullPage(page: Page): Promise<void> {
    await page.getByText('More settings').click();
    await page.getByRole('radio', { name: 'Free' }).check();
    await draw(page, LONG);
    const done = await server.nextJob();
    await done.image(0, 1);
    done.done();
    await pictures(page).first().waitFor();
    await draw(page, UNBROKEN);
    (await server.nextJob()).fail(`it failed: ${UNBROKEN}`);
    await page.getByRole('button', { name: 'Dismiss' }).waitFor();
    await draw(page, LONG);
    const running = await server.nextJob();
    running.step(5, 20, 10);
    await running.preview(0, '#246');
    await jobState(page, 'Step 5 of 20').waitFor();
  }

  const sidewaysPixels = (page: Page) =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe-core finds nothing serious on a full page, ${colorScheme}`, async () => {
      const { page } = await openPage(server.url, { colorScheme, reducedMotion: 'reduce' });
      await fullPage(page);
      expect(await seriousFindings(page)).toEqual([]);
      await pictures(page).first().click();
      expect(await seriousFindings(page)).toEqual([]);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const [red = 0] = (/\d+/.exec(ground) ?? []).map(Number);
      expect(red < 128).toBe(colorScheme === 'dark');
    });
  }

  test('on 320 pixels nothing stands out, however long a prompt is, and a notice neither', async () => {
    const { page } = await openPage(server.url, { viewport: NARROW, hasTouch: true, isMobile: true });
    await fullPage(page);
    server.refusals.push({ status: 429, message: 'the queue is full', retryAfter: 50 });
    await drawButton(page).click();
    await page.getByRole('alert').waitFor();
    expect(await sidewaysPixels(page)).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await pictures(page).first().click();
    const viewer = page.getByRole('dialog');
    expect(await viewer.evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)).toBe(0);
    await viewer.getByRole('button', { name: 'Close' }).click();
    expect(server.asked[0]?.prompt).toBe(LONG.trim());
  });

  test('everything by touch: draw, cancel, look, move on, close; each button is as large as a finger needs', async () => {
    const { page } = await openPage(server.url, { viewport: NARROW, hasTouch: true, isMobile: true });
    await page.getByLabel('Prompt', { exact: true }).fill('a red circle');
    for (const seed of [1, 2]) {
      await drawButton(page).tap();
      const job = await server.nextJob();
      await job.image(0, seed);
      job.done();
      await expect.poll(() => pictures(page).count()).toBe(seed);
    }
    await drawButton(page).tap();
    const job = await server.nextJob();
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    expect(await smallButtons(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).tap();
    await job.cancelled;
    await pictures(page).first().tap();
    const settings = page.locator('#viewer-settings');
    await settings.getByText('2', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Older' }).tap();
    await settings.getByText('1', { exact: true }).first().waitFor();
    expect(await smallButtons(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close' }).tap();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  test('a prompt that is too long is told with the numbers', async () => {
    server.capabilities = {
      ...server.capabilities,
      limits: { ...server.capabilities.limits, prompt_characters: 200 },
    };
    const { page } = await openPage(server.url);
    await draw(page, UNBROKEN);
    await page.getByText('300 of 200').waitFor();
    await page.getByText('100 characters too long: this server reads 200.').waitFor();
    expect(server.asked).toEqual([]);
  });

  test('everything by keyboard: draw, cancel, look, move on, close', async () => {
    const { page } = await openPage(server.url);
    await expect.poll(() => drawButton(page).isEnabled()).toBe(true);
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the pictures');
    await page.keyboard.press('Tab');
    await page.keyboard.type('a red circle');
    await page.keyboard.press('Control+Enter');
    const job = await server.nextJob();
    expect(job.body.prompt).toBe('a red circle');
    await job.image(0, 1);
    job.done();
    await pictures(page).first().waitFor();
    await page.keyboard.press('Control+Enter');
    const second = await server.nextJob();
    await second.image(0, 2);
    second.done();
    await expect.poll(() => pictures(page).count()).toBe(2);
    await page.locator('.job').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+Enter');
    const third = await server.nextJob();
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await drawButton(page).focus();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Cancel');
    await page.keyboard.press('Enter');
    await third.cancelled;
    await expect.poll(() => focused(page)).toBe('Draw');
    await pictures(page).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await page.locator('#viewer-image').getAttribute('alt')).toBe('a red circle');
    const first = await page.locator('#viewer-settings').innerText();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#viewer-settings').innerText()).not.toBe(first);
    expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    await expect.poll(() => focused(page)).toBe('a red circle');
  });

  test('what happens is said to screen readers, not each step', async () => {
    const { page } = await openPage(server.url);
    await page.evaluate(() => {
      const place = document.getElementById('announcer');
      if (place === null) return;
      const said: string[] = [];
      Object.assign(window, { said });
      new MutationObserver(() => said.push(place.textContent)).observe(place, { childList: true });
    });
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    for (let step = 1; step <= 20; step += 1) job.step(step, 20, 20 - step);
    await job.image(0, 1);
    job.done();
    await pictures(page).first().waitFor();
    await page.locator('.job').waitFor({ state: 'detached' });
    const said = await page.evaluate(() => (window as unknown as { said: string[] }).said);
    expect(said.at(-1)).toBe('The picture is done.');
    expect(said.length).toBeLessThan(5);
  });

  test('where motion is not wanted nothing moves', async () => {
    const { page } = await openPage(server.url, { reducedMotion: 'reduce' });
    await draw(page, 'a red circle');
    (await server.nextJob()).queued(2);
    await jobState(page, 'Place 2 in line.').waitFor();
    const running = await page.evaluate(() => document.getAnimations().length);
    expect(running).toBe(0);
  });
});

function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent ?? '');
}

/** Buttons that are in sight and lower or narrower than WCAG 2.2 (2.5.8) asks for. */
function smallButtons(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('button, select, input[type=number]')]
      .filter((element) => element.checkVisibility())
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        return Math.min(width, height) < 24;
      })
      .map(({ outerHTML }) => outerHTML),
  );
}

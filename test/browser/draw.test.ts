/** Drawing on the page: progress and previews, cancelling, reloading in the middle, the gallery and its settings. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { draw, drawButton, jobState, pictures } from './actions.js';
import { noBrowser, useBrowser } from './chromium.js';
import { CLASS_MODEL, TEXT_MODEL } from './fake-capabilities.js';
import { FakeServer } from './fake-server.js';

describe.skipIf(noBrowser !== undefined)('drawing', () => {
  const openPage = useBrowser();
  let server: FakeServer;
  beforeEach(async () => {
    server = await FakeServer.start();
  });
  afterEach(() => server.kill());

  test('a picture: place in line, steps, previews, and the picture with its settings', async () => {
    const { page, complaints } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    expect(job.body).toMatchObject({ prompt: 'a red circle', model: 'shapes', n: 1, size: '64x64' });
    expect(job.body).toMatchObject({ num_inference_steps: 20, guidance_scale: 3, solver: 'dpm++' });
    expect(job.body).toMatchObject({ preview_every: 3 });
    expect(job.body.seed).toBeUndefined();
    job.queued(3);
    await jobState(page, 'Place 3 in line.').waitFor();
    job.queued(1);
    await jobState(page, 'Next in line.').waitFor();
    job.step(5, 20, 61);
    await jobState(page, 'Step 5 of 20, about 1 min 1 s left.').waitFor();
    expect(await page.getByRole('progressbar').getAttribute('value')).toBe('0.25');
    expect(await page.title()).toBe('25 % svg-t2i');
    await job.preview(0, '#123456');
    const preview = page.getByAltText('Picture 1 of 1, on its way');
    await preview.waitFor();
    const before = await preview.getAttribute('src');
    await job.preview(0, '#345678');
    await expect.poll(() => preview.getAttribute('src')).not.toBe(before);
    await job.image(0, 77);
    job.done();
    await pictures(page).first().click();
    const viewer = page.getByRole('dialog');
    await viewer.getByText('a red circle', { exact: true }).waitFor();
    expect(await viewer.locator('#viewer-settings').innerText()).toMatch(
      /Seed\s+77\s+Steps\s+20\s+Guidance\s+3/,
    );
    await page.keyboard.press('Escape');
    await page.getByText('1 picture in this browser').waitFor();
    expect(await page.locator('#jobs-section').isHidden()).toBe(true);
    expect(complaints).toEqual([]);
  });

  test('the file that is downloaded is the one that the server made', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 77);
    job.done();
    await pictures(page).first().click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('a-red-circle-77.png');
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString('base64')).toBe(job.pictures[0]);
  });

  test('cancelling tells the server, and gives the focus back', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    job.step(1, 20, 10);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await job.cancelled;
    await page.locator('.job').waitFor({ state: 'detached' });
    expect(await drawButton(page).evaluate((button) => button === document.activeElement)).toBe(true);
    await expect.poll(() => page.locator('#announcer').textContent()).toBe('Cancelled.');
  });

  test('after a reload in the middle the job goes on, and its pictures come once', async () => {
    const { page, complaints } = await openPage(server.url);
    await page.getByRole('spinbutton', { name: 'Pictures' }).fill('2');
    await draw(page, 'two circles');
    const job = await server.nextJob();
    job.step(10, 40, 30);
    await job.image(0, 5);
    await expect.poll(() => pictures(page).count()).toBe(1);
    await page.reload();
    // What was told before is told again where the page was closed before it noted that it knew.
    await page.locator('.job').waitFor();
    await expect.poll(() => job.listeners).toBe(1);
    job.step(30, 40, 9);
    await jobState(page, 'Step 30 of 40, about 9 s left.').waitFor();
    await job.image(1, 6);
    job.done();
    await expect.poll(() => pictures(page).count()).toBe(2);
    await page.locator('.job').waitFor({ state: 'detached' });
    await page.reload();
    await expect.poll(() => pictures(page).count()).toBe(2);
    expect(await page.locator('.job').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('several jobs take one stream, and a short one is shown though a long one was first', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a long one');
    const long = await server.nextJob();
    long.step(1, 200, 100);
    await draw(page, 'a short one');
    const short = await server.nextJob();
    await draw(page, 'one that waits');
    (await server.nextJob()).queued(3);
    await expect.poll(() => page.locator('.job').count()).toBe(3);
    await expect.poll(() => server.streams).toBe(1);
    short.step(1, 2, 1);
    await short.image(0, 9);
    short.done();
    await expect.poll(() => pictures(page).count()).toBe(1);
    await expect.poll(() => long.listeners).toBe(1);
    await long.image(0, 8);
    long.done();
    await expect.poll(() => pictures(page).count()).toBe(2);
    await expect.poll(() => server.streams).toBe(1);
  });

  test('"again with these" fills the form with a picture\'s settings and its seed', async () => {
    const { page } = await openPage(server.url);
    await page.getByRole('radio', { name: '96 × 64' }).check();
    await page.getByLabel('Steps', { exact: true }).fill('12');
    await page.getByText('More settings').click();
    await page.getByLabel('Negative prompt').fill('blur');
    await page.getByLabel('Solver').selectOption('euler');
    await page.getByLabel('Previews while it is drawn').uncheck();
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 4711);
    job.done();
    await pictures(page).first().waitFor();
    await page.getByRole('button', { name: "Back to the model's defaults" }).click();
    expect(await page.getByLabel('Steps', { exact: true }).inputValue()).toBe('20');
    await pictures(page).first().click();
    await page.getByRole('button', { name: 'Again with these' }).click();
    expect(
      await page.getByLabel('Prompt', { exact: true }).evaluate((e) => e === document.activeElement),
    ).toBe(true);
    await drawButton(page).click();
    const { body } = await server.nextJob();
    expect(body).toEqual({ ...job.body, seed: 4711 });
    expect(body).toMatchObject({
      size: '96x64',
      num_inference_steps: 12,
      negative_prompt: 'blur',
      solver: 'euler',
      preview_every: 0,
    });
  });

  test('pictures are deleted one by one or all, and stay deleted', async () => {
    const { page } = await openPage(server.url);
    await page.getByRole('spinbutton', { name: 'Pictures' }).fill('3');
    await draw(page, 'three circles');
    const job = await server.nextJob();
    for (const index of [0, 1, 2]) await job.image(index, index);
    job.done();
    await expect.poll(() => pictures(page).count()).toBe(3);
    await pictures(page).first().click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect.poll(() => pictures(page).count()).toBe(2);
    // The next picture is shown in its place.
    await page.keyboard.press('Escape');
    await page.reload();
    await expect.poll(() => pictures(page).count()).toBe(2);
    await page.getByRole('button', { name: 'Delete all' }).click();
    await page.getByRole('dialog').getByText('2 pictures will be gone').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click();
    await page.getByText('Nothing here yet.').waitFor();
    await page.reload();
    await page.getByText('Nothing here yet.').waitFor();
  });

  test('a gallery of many pictures is shown in parts, newest first', async () => {
    server.capabilities = { ...server.capabilities, limits: { ...server.capabilities.limits, n: 30 } };
    const { page } = await openPage(server.url);
    await page.getByRole('spinbutton', { name: 'Pictures' }).fill('30');
    await draw(page, 'many');
    const job = await server.nextJob();
    for (let index = 0; index < 30; index += 1) await job.image(index, 100 + index);
    job.done();
    await page.getByText('30 pictures in this browser').waitFor();
    await page.reload();
    await expect.poll(() => pictures(page).count()).toBe(24);
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => pictures(page).count()).toBe(30);
    const seeds = await pictures(page)
      .locator('img')
      .evaluateAll((images) => images.map((image) => Number(image.getAttribute('alt')?.slice(-3))));
    expect(seeds).toEqual(Array.from({ length: 30 }, (_, index) => 129 - index));
    const focused = await page.evaluate(() => document.activeElement?.querySelector('img')?.alt);
    expect(focused).toBe('many, seed 105');
    expect(await page.getByRole('button', { name: 'Show more' }).isVisible()).toBe(false);
  });

  test('a job that ended while the page was closed brings its pictures to the next one', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    job.step(1, 20, 10);
    // The server has the job before the page has its answer, and only then is it kept.
    await jobState(page, 'Step 1 of 20').waitFor();
    await page.goto('about:blank');
    await job.image(0, 5);
    job.done();
    await page.goto(server.url);
    await expect.poll(() => pictures(page).count()).toBe(1);
    await page.locator('.job').waitFor({ state: 'detached' });
  });

  test('tabs share the pictures: one that is drawn or deleted in one is so in the other', async () => {
    const { page, openTab } = await openPage(server.url);
    const tab = await openTab(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    await job.image(0, 5);
    job.done();
    await expect.poll(() => pictures(tab).count()).toBe(1);
    await pictures(tab).first().click();
    await tab.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect.poll(() => pictures(page).count()).toBe(0);
  });

  test('while a model is loaded the page waits, and keeps what is typed', async () => {
    const { models } = server.capabilities;
    const loading = { id: 'shapes', ready: false, state: 'loading' } as const;
    server.capabilities = { ...server.capabilities, models: [loading] };
    const { page } = await openPage(server.url);
    await page.getByText('Loading the model').waitFor();
    await page.getByLabel('Prompt', { exact: true }).fill('a red circle');
    expect(await drawButton(page).isDisabled()).toBe(true);
    server.capabilities = { ...server.capabilities, models };
    await drawButton(page).click();
    expect((await server.nextJob()).body.prompt).toBe('a red circle');
  });

  test('a model of classes is asked for classes, and has no negative prompt', async () => {
    server.capabilities = { ...server.capabilities, models: [TEXT_MODEL, CLASS_MODEL] };
    const { page } = await openPage(server.url);
    await page.getByLabel('Model').selectOption('animals');
    expect(await page.getByLabel('Prompt', { exact: true }).isVisible()).toBe(false);
    await page.getByText('A number from 0 to 2, or a name.').waitFor();
    await page.getByText('More settings').click();
    expect(await page.getByLabel('Negative prompt').isVisible()).toBe(false);
    await page.getByLabel('Class', { exact: true }).fill('3');
    await drawButton(page).click();
    expect(await page.getByLabel('Class', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('Class', { exact: true }).fill('goldfish');
    await drawButton(page).click();
    const { body } = await server.nextJob();
    expect(body).toMatchObject({ model: 'animals', class: 'goldfish' });
    expect(body).not.toHaveProperty('prompt');
    expect(body).not.toHaveProperty('negative_prompt');
  });

  test('fields follow the solver and the limits of the server', async () => {
    const { page } = await openPage(server.url);
    await page.getByText('More settings').click();
    expect(await page.getByLabel('Order').isVisible()).toBe(true);
    expect(await page.getByLabel('Atol').isVisible()).toBe(false);
    await page.getByLabel('Solver').selectOption('dopri5');
    expect(await page.getByLabel('Order').isVisible()).toBe(false);
    expect(await page.getByLabel('Atol').isVisible()).toBe(true);
    expect(await page.getByLabel('Steps', { exact: true }).isVisible()).toBe(false);
    await page.getByRole('radio', { name: 'Free' }).check();
    await page.getByLabel('Width').fill('100');
    await draw(page, 'a red circle');
    await page.getByText('A multiple of 8.').waitFor();
    await page.getByLabel('Width').fill('1024');
    await page.getByLabel('Height').fill('1024');
    await drawButton(page).click();
    await page.getByText('1024 × 1024 is more than the 0.26 megapixels that this server draws.').waitFor();
    await page.getByLabel('Width').fill('128');
    await page.getByLabel('Height').fill('72');
    await drawButton(page).click();
    const { body } = await server.nextJob();
    expect(body).toMatchObject({ size: '128x72', solver: 'dopri5' });
    expect(body).not.toHaveProperty('num_inference_steps');
    expect(server.asked).toHaveLength(1);
  });
});

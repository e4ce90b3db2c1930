/** What goes wrong on the page, told in words: a full server, one that is gone, a lost job, a failed model, keys. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { draw, drawButton, jobState, pictures } from './actions.js';
import { noBrowser, useBrowser } from './chromium.js';
import { CLASS_MODEL } from './fake-capabilities.js';
import { FakeServer } from './fake-server.js';

describe.skipIf(noBrowser !== undefined)('failures', () => {
  const openPage = useBrowser();
  let server: FakeServer;
  beforeEach(async () => {
    server = await FakeServer.start();
  });
  afterEach(() => server.kill());

  test('a full server: the wait is counted down, and the same is sent again where that is wanted', async () => {
    server.refusals.push({ status: 429, message: 'the queue is full', retryAfter: 2 });
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    await page.getByRole('alert').getByText('The queue is full.').waitFor();
    await page.getByText(/There may be room in [12] s\./).waitFor();
    await page.getByRole('button', { name: 'Send it when the time is up' }).click();
    const { body } = await server.nextJob();
    expect(body).toEqual(server.asked[0]);
    await page.getByRole('alert').waitFor({ state: 'detached' });
  });

  test('nothing is sent again unasked', async () => {
    server.refusals.push({ status: 429, message: 'the queue is full', retryAfter: 0 });
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    await page.getByText('There may be room now.').waitFor();
    await page.waitForTimeout(600);
    expect(server.asked).toHaveLength(1);
    await page.getByRole('button', { name: 'Send it now' }).click();
    await server.nextJob();
  });

  test('a refused setting is told under its field, another refusal as a notice', async () => {
    const message = 'num_inference_steps: must be at most 5, got 20';
    server.refusals.push({ status: 400, message, param: 'num_inference_steps' });
    server.refusals.push({ status: 413, message: 'the body is too large' });
    server.refusals.push({ status: 503, message: 'the model could not be loaded' });
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    await page.locator('#steps-problem').getByText('at most 5, got 20').waitFor();
    const steps = page.getByLabel('Steps', { exact: true });
    expect(await steps.evaluate((input) => input === document.activeElement)).toBe(true);
    await steps.fill('4');
    expect(await page.locator('#steps-problem').isHidden()).toBe(true);
    await drawButton(page).click();
    await page.getByRole('alert').getByText('The body is too large.').waitFor();
    await drawButton(page).click();
    await page.getByRole('alert').getByText('The model could not be loaded.').waitFor();
    expect(await page.getByRole('button', { name: 'Send it now' }).count()).toBe(0);
  });

  test('a server that is killed and comes back: the job goes on where it was', async () => {
    const { page, complaints } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    job.step(5, 20, 10);
    await jobState(page, 'Step 5 of 20').waitFor();
    await server.kill();
    await page.getByText('Server not reached, trying again').waitFor();
    await jobState(
      page,
      /The (connection to the server broke|server is not reached)\. Trying again\./,
    ).waitFor();
    expect(await drawButton(page).isDisabled()).toBe(true);
    await server.revive();
    await page.getByText('Ready', { exact: true }).waitFor();
    job.step(6, 20, 9);
    await jobState(page, 'Step 6 of 20').waitFor();
    await job.image(0, 3);
    job.done();
    await pictures(page).first().waitFor();
    expect(complaints).toEqual([]);
  });

  test('a job that the server has forgotten is told, and can be drawn again', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    job.step(5, 20, 10);
    await jobState(page, 'Step 5 of 20').waitFor();
    await server.kill();
    server.forgetJobs();
    await server.revive();
    await page.getByText('The server no longer knows this job').first().waitFor();
    await page.getByLabel('Prompt', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Again with these' }).click();
    expect(await page.getByLabel('Prompt', { exact: true }).inputValue()).toBe('a red circle');
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.locator('.job').waitFor({ state: 'detached' });
  });

  test('a job that fails says why', async () => {
    const { page } = await openPage(server.url);
    await draw(page, 'a red circle');
    const job = await server.nextJob();
    job.fail('the server failed');
    await page.locator('.job').getByText('The server failed.').waitFor();
    await page.reload();
    expect(await page.locator('.job').count()).toBe(0);
  });

  test('sending while the server is away says so', async () => {
    const { page } = await openPage(server.url);
    await page.getByText('Ready', { exact: true }).waitFor();
    await server.kill();
    await draw(page, 'a red circle');
    await page.getByRole('alert').getByText('The server is not reached. Nothing was sent.').waitFor();
    await server.revive();
    await page.getByRole('button', { name: 'Send it again' }).click();
    expect((await server.nextJob()).body.prompt).toBe('a red circle');
  });

  test('a key is asked for, tried, and forgotten with the tab unless it is to be kept', async () => {
    server.key = 'right-key';
    const { page } = await openPage(server.url);
    const dialog = page.getByRole('dialog', { name: 'API key' });
    await dialog.getByLabel('Key', { exact: true }).fill('wrong-key');
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    await dialog.getByText('The server refuses this key.').waitFor();
    await dialog.getByLabel('Key', { exact: true }).fill('right-key');
    await page.keyboard.press('Enter');
    await draw(page, 'a red circle');
    await server.nextJob();
    expect(
      await page.evaluate(() => [sessionStorage.length > 0, localStorage.getItem('svg-t2i.key')]),
    ).toEqual([true, null]);
    await page.getByRole('button', { name: 'API key' }).click();
    await dialog.getByLabel('Key', { exact: true }).fill('right-key');
    await dialog.getByLabel('Keep it in this browser').check();
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    expect(await page.evaluate(() => localStorage.getItem('svg-t2i.key'))).toBe('right-key');
  });

  test('what is typed in the key dialog stays, whatever the key before it is refused for', async () => {
    server.key = 'right-key';
    const { page } = await openPage(server.url);
    const dialog = page.getByRole('dialog', { name: 'API key' });
    const field = dialog.getByLabel('Key', { exact: true });
    await field.fill('wrong-key');
    await page.keyboard.press('Enter');
    await dialog.getByText('The server refuses this key.').waitFor();
    await field.fill('right-');
    const answered = page.waitForResponse(/capabilities/);
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await (await answered).finished();
    await page.waitForTimeout(100);
    expect(await field.inputValue()).toBe('right-');
    await field.pressSequentially('key');
    await page.keyboard.press('Enter');
    await page.getByText('Ready', { exact: true }).waitFor();
  });

  test('a server that forbids the page says why, and is asked for no key', async () => {
    server.forbids = 'this server is not called here';
    const { page } = await openPage(server.url);
    await page.getByText('This server is not called here.').waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
    server.forbids = undefined;
    await page.getByText('Ready', { exact: true }).waitFor();
  });

  test('a model that could not be loaded is told, until the server is started anew', async () => {
    const { models } = server.capabilities;
    const failed = { id: 'shapes', ready: false, state: 'failed' } as const;
    server.capabilities = { ...server.capabilities, models: [failed] };
    const { page } = await openPage(server.url);
    await page.getByText('No model could be loaded', { exact: true }).waitFor();
    await page.getByText('shapes could not be loaded: the log of the server says why.').waitFor();
    expect(await drawButton(page).isDisabled()).toBe(true);
    server.capabilities = { ...server.capabilities, models };
    await draw(page, 'a red circle');
    await server.nextJob();
    expect(await page.locator('#draw-problem').isHidden()).toBe(true);
  });

  test('of two models the one that could not be loaded is told where it is chosen', async () => {
    const failed = { id: 'shapes', ready: false, state: 'failed' } as const;
    server.capabilities = { ...server.capabilities, models: [failed, CLASS_MODEL] };
    const { page } = await openPage(server.url);
    await page.getByText('Ready', { exact: true }).waitFor();
    await page.getByText('shapes could not be loaded: the log of the server says why.').waitFor();
    await page.getByLabel('Model').selectOption('animals');
    expect(await page.locator('#draw-problem').isHidden()).toBe(true);
    await page.getByLabel('Class', { exact: true }).fill('goldfish');
    await drawButton(page).click();
    expect((await server.nextJob()).body).toMatchObject({ model: 'animals', class: 'goldfish' });
  });
});

/** What people do on the page. */
import type { Page } from 'playwright-core';

export function drawButton(page: Page) {
  return page.getByRole('button', { name: 'Draw', exact: true });
}

/** Waits for the form, writes the prompt and draws. */
export async function draw(page: Page, prompt: string): Promise<void> {
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
  // Clicks wait until the server is ready, since the button is disabled till then.
  await drawButton(page).click();
}

/** Buttons of the pictures in the gallery. */
export function pictures(page: Page) {
  return page.locator('#gallery button');
}

/** What the card of a job says of it. */
export function jobState(page: Page, words: string | RegExp) {
  return page.locator('.job-state', { hasText: words });
}

/** A browser for tests of the page: Debian's chromium, driven by playwright-core. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
/** Only to end a hang. */
const PATIENCE_MS = 30_000;

const path = findChromium();
/** Undefined where there is a browser; why these tests are skipped where there is none. */
export const noBrowser =
  path === undefined ? 'no chromium on PATH (apt-get install chromium, or SVG_T2I_CHROMIUM)' : undefined;
if (noBrowser !== undefined) console.log(`skipped: tests of the page: ${noBrowser}`);

function findChromium(): string | undefined {
  const { SVG_T2I_CHROMIUM: chosen, PATH = '' } = process.env;
  if (chosen !== undefined) return chosen;
  const places = NAMES.flatMap((name) => PATH.split(delimiter).map((folder) => join(folder, name)));
  return places.find((place) => existsSync(place));
}

/** What a page must not have said: errors of its scripts, and what its Content-Security-Policy has kept out. */
export interface OpenPage {
  readonly page: Page;
  /** Another tab of the same browser. */
  readonly openTab: (url: string) => Promise<Page>;
  readonly complaints: readonly string[];
}

/** One browser for a file of tests; each page has a storage of its own. */
export function useBrowser() {
  let browser: Browser | undefined;
  const pages: Page[] = [];
  beforeAll(async () => {
    if (path === undefined) return;
    browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-gpu'] });
  });
  afterEach(async () => {
    await Promise.all(pages.splice(0).map((page) => page.context().close()));
  });
  afterAll(async () => {
    await browser?.close();
  });
  return async function openPage(url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
    if (browser === undefined) throw new Error('the browser has not started');
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    pages.push(page);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // A request that fails is told as well, and is what some tests are about.
      const isNetwork = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isNetwork) complaints.push(message.text());
    });
    await page.goto(url);
    const openTab = async (other: string) => {
      const tab = await context.newPage();
      await tab.goto(other);
      return tab;
    };
    return { page, openTab, complaints };
  };
}

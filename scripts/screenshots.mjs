// Pictures of the page for docs/page.md: drawn on the real server, with the model that comes with the package.
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const root = join(import.meta.dirname, '..');
const MAX_BYTES = 200_000;
const PROMPTS = [
  'a yellow star above three green hearts on black',
  'two red circles left of a blue square',
  'a pink heart',
  'four purple triangles',
  'an orange cross right of a cyan circle on grey',
  'a green star below a red heart',
  'three blue squares',
  'a yellow circle',
];
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 360, height: 780 };

const server = spawn(
  process.execPath,
  [join(root, 'dist/cli/main.js'), 'serve', '--port', '0', '--log', 'json'],
  {
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
const url = await addressOf(server);
const browser = await chromium.launch({
  executablePath: process.env.SVG_T2I_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(url);
  for (const [seed, prompt] of PROMPTS.entries()) await drawPicture(page, prompt, seed + 1);
  await drawSlowly(page, 'a blue heart above two yellow squares');
  await shoot(page, 'page-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot(page, 'page-dark');
  await page.setViewportSize(NARROW);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.evaluate(() => document.querySelector('#jobs-section').scrollIntoView());
  await shoot(page, 'page-narrow');
  await page.setViewportSize(WIDE);
  await page.locator('#gallery button').nth(4).click();
  await shoot(page, 'page-viewer');
} finally {
  await browser.close();
  server.kill();
}

async function drawPicture(page, prompt, seed) {
  const before = await page.locator('#gallery button').count();
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
  await page.locator('#draw:enabled').waitFor();
  await page.getByLabel('Random each time').uncheck();
  await page.getByLabel('Seed', { exact: true }).fill(String(seed));
  await page.locator('#draw').click();
  await page.locator('#gallery button').nth(before).waitFor();
}

/** A job with so many steps that it is still on its way while it is photographed. */
async function drawSlowly(page, prompt) {
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
  await page.getByLabel('Steps', { exact: true }).fill('200');
  await page.locator('#draw').click();
  await page.waitForFunction(() => Number(document.querySelector('progress')?.value) > 0.3);
}

/** Few colours are enough for a page of few colours, and make files small. */
async function shoot(page, name) {
  const file = join(root, 'docs', `${name}.png`);
  const shot = await page.screenshot({ animations: 'disabled' });
  await sharp(shot).png({ palette: true, colours: 192, effort: 10 }).toFile(file);
  const { size } = statSync(file);
  if (size > MAX_BYTES) throw new Error(`${name}.png has ${size} bytes, more than ${MAX_BYTES}`);
  console.log(`docs/${name}.png (${Math.round(size / 1000)} kB)`);
}

async function addressOf(child) {
  let told = '';
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
    told += chunk;
    const [, found] = /listening at (http:[^"\s]+)/.exec(told) ?? [];
    if (found === undefined) continue;
    child.stderr.resume();
    return found;
  }
  throw new Error(`the server did not start: ${told}`);
}

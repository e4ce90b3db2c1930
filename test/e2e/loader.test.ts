// The compiled loader: its threads need the JavaScript file of the worker beside it.
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ImageFolderDataset } from '../../dist/data/image-folder.js';
import { loadItems } from '../../dist/data/loader.js';
import { goldenFolder } from '../unit/golden.js';

const pictureNames = ['0_rgb_300x200.png', '3_l_128x128.png', '4_p_200x150.png', '5_rgb_64x64.png'];

function pictures(broken: readonly number[] = []): string {
  const root = mkdtempSync(join(tmpdir(), 'svg-t2i-loader-'));
  mkdirSync(root, { recursive: true });
  pictureNames.forEach((name, i) => {
    if (broken.includes(i)) writeFileSync(join(root, name), 'broken');
    else cpSync(join(goldenFolder('image-preprocess'), name), join(root, name));
  });
  return root;
}

it('gives the pictures in the order asked for, whatever the threads do', async () => {
  const dataset = await ImageFolderDataset.open(pictures());
  const order = [0, 3, 1, 1, 2, 0, 3];
  const loaded = [];
  for await (const item of loadItems({ dataset, order, resolution: 64, workers: 2, prefetch: 3 }))
    loaded.push(item);
  expect(loaded.map(({ index }) => index)).toEqual(order);
  expect(loaded.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  for (const { image } of loaded) expect(image).toMatchObject({ width: 64, height: 64 });
  expect(loaded[0]?.image.data).toEqual(loaded[5]?.image.data);
});

it('leaves out what cannot be read and says so, up to a limit', async () => {
  const dataset = await ImageFolderDataset.open(pictures([1, 2]));
  const skipped: string[] = [];
  const options = { dataset, resolution: 64, workers: 1 };
  const positions = [];
  const onSkip = (error: Error, index: number) =>
    skipped.push(`${index} ${error.message.replace(/^.*\//, '')}`);
  for await (const { position } of loadItems({ ...options, order: [0, 1, 3, 2, 0], onSkip }))
    positions.push(position);
  expect(positions).toEqual([0, 2, 4]);
  expect(skipped).toEqual([
    '1 3_l_128x128.png is no PNG, JPEG, WebP or GIF file',
    '2 4_p_200x150.png is no PNG, JPEG, WebP or GIF file',
  ]);
  const endless = loadItems({ ...options, order: [0, 1, 2, 1, 2], maxSkips: 3 });
  await endless.next();
  await expect(endless.next()).rejects.toMatchObject({ code: 'ERR_SVGT2I_IMAGE' });
});

it('never asks for more than the prefetch, and stops when left or aborted', async () => {
  const dataset = await ImageFolderDataset.open(pictures());
  let asked = 0;
  function* endless() {
    for (;;) yield asked++ % 4;
  }
  for await (const { position } of loadItems({
    dataset,
    order: endless(),
    resolution: 64,
    workers: 1,
    prefetch: 2,
  })) {
    expect(asked).toBeLessThanOrEqual(position + 3);
    if (position === 5) break;
  }
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = loadItems({ dataset, order: endless(), resolution: 64, workers: 1, signal });
  await aborted.next();
  controller.abort(new Error('enough'));
  await expect(aborted.next()).rejects.toThrow('enough');
});

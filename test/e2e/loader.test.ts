// The compiled loader of training: its threads need the JavaScript file of the worker beside it.
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TrainingDataset } from '../../dist/train/dataset.js';
import { PictureLoader } from '../../dist/train/pictures.js';
import { SampleStream } from '../../dist/train/sample-stream.js';
import { goldenFolder } from '../unit/golden.js';

const pictureNames = ['0_rgb_300x200.png', '3_l_128x128.png', '4_p_200x150.png', '5_rgb_64x64.png'];

function pictures(broken: readonly number[] = []): string {
  const root = mkdtempSync(join(tmpdir(), 'svg-t2i-loader-'));
  pictureNames.forEach((name, i) => {
    if (broken.includes(i)) writeFileSync(join(root, name), 'broken');
    else cpSync(join(goldenFolder('image-preprocess'), name), join(root, name));
  });
  return root;
}

async function open(root: string, options: { readonly order: readonly number[]; readonly flip?: number }) {
  const dataset = await TrainingDataset.open([{ path: root, ratio: 1 }], { captions: false });
  const { flip = 0 } = options;
  const settings = { resolution: 64, aspect: 'multi', maxRatio: 4, flip, workers: 2, seed: 1 } as const;
  const loader = new PictureLoader(dataset, settings);
  const bad: string[] = [];
  const stream = new SampleStream({
    order: options.order.map((index, draw) => ({ draw, index })),
    items: dataset.length,
    load: async (item) => ({ ...item, ...(await loader.load(item)) }),
    ahead: 3,
    maxBadShare: 1,
    onBad: (error) => bad.push(error.message.replace(/^.*\//, '')),
  });
  return { loader, stream, bad };
}

it('gives the pictures in the order asked for, whatever the threads do', async () => {
  const order = [0, 3, 1, 1, 2, 0, 3];
  const { loader, stream } = await open(pictures(), { order });
  const loaded = await stream.take(order.length);
  expect(loaded.map(({ index }) => index)).toEqual(order);
  for (const { image } of loaded) expect(image).toMatchObject({ width: 64, height: 64 });
  expect(loaded[0]?.image.data).toEqual(loaded[5]?.image.data);
  await loader.close();
});

it('mirrors pictures by their number in the run', async () => {
  const { loader, stream } = await open(pictures(), { order: [0, 0, 0, 0, 0, 0, 0, 0], flip: 0.5 });
  const first = (await stream.take(8)).map(({ image }) => image.data.join());
  expect(new Set(first).size).toBe(2);
  await loader.close();
});

it('replaces what cannot be read and says so', async () => {
  const { loader, stream, bad } = await open(pictures([1, 2]), { order: [0, 1, 3, 2, 0] });
  expect((await stream.take(5)).map(({ index }) => index)).toEqual([0, 3, 3, 3, 0]);
  expect(bad.sort()).toEqual([
    '3_l_128x128.png is no PNG, JPEG, WebP or GIF file',
    '4_p_200x150.png is no PNG, JPEG, WebP or GIF file',
  ]);
  await loader.close();
});

// The compiled loader of training: its threads need the JavaScript file of the worker beside it.
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ImagePool } from '../../dist/data/image-pool.js';
import { TrainingDataset } from '../../dist/features/dataset.js';
import { PictureLoader } from '../../dist/features/pictures.js';
import { SampleStream } from '../../dist/features/sample-stream.js';
import { readImageSize } from '../../dist/image/decode.js';
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
  const reading = { autoOrient: true, maxPixels: 1e6 };
  const settings = {
    resolution: 64,
    aspect: 'multi',
    maxRatio: 4,
    flip,
    workers: 2,
    seed: 1,
    ...reading,
  } as const;
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
    '3_l_128x128.png is no PNG, JPEG, WebP, GIF, TIFF or AVIF file',
    '4_p_200x150.png is no PNG, JPEG, WebP, GIF, TIFF or AVIF file',
  ]);
  await loader.close();
});

const dataFile = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url));

it('turns pictures upright before a size is chosen, unless told to take them as stored', async () => {
  const buckets = [
    { width: 48, height: 32 },
    { width: 32, height: 48 },
  ];
  const sizes: (readonly number[])[] = [];
  for (const autoOrient of [true, false]) {
    await using pool = new ImagePool(1, { autoOrient });
    const { width, height } = await pool.prepare(dataFile('exif-orientation-6.jpg'), buckets);
    sizes.push([width, height]);
  }
  const { width, height } = await readImageSize(dataFile('exif-orientation-6.jpg'));
  const upright = width > height ? [48, 32] : [32, 48];
  expect(sizes).toEqual([upright, [...upright].reverse()]);
});

it('refuses pictures above a limit of its own', async () => {
  await using pool = new ImagePool(1, { maxPixels: 100 });
  const refused = pool.prepare(dataFile('png-bad-idat-crc.png'), [{ width: 32, height: 32 }]);
  await expect(refused).rejects.toThrow(/more than 100 pixels$/);
});

it('says why a picture cannot be decoded, however many others are decoded at the time', async () => {
  const root = mkdtempSync(join(tmpdir(), 'svg-t2i-cut-'));
  const kinds = { jpg: 'jpeg-cut.jpg', png: 'png-bad-idat-crc.png' };
  const paths = Array.from({ length: 32 }, (_, i) => join(root, `${i}.${i % 2 === 0 ? 'jpg' : 'png'}`));
  for (const path of paths) cpSync(dataFile(path.endsWith('jpg') ? kinds.jpg : kinds.png), path);
  await using pool = new ImagePool(2);
  const buckets = [{ width: 64, height: 64 }];
  const good = join(goldenFolder('image-preprocess'), pictureNames[0] ?? '');
  const all = [...paths, good, ...paths];
  const outcomes = await Promise.allSettled(all.map((path) => pool.prepare(path, buckets)));
  outcomes.forEach((outcome, i) => {
    const path = all[i] ?? '';
    if (outcome.status === 'fulfilled') expect(path).toBe(good);
    else {
      const reason = path.endsWith('jpg')
        ? 'VipsJpeg: premature end of JPEG image'
        : 'vipspng: libpng read error';
      expect(outcome.reason).toMatchObject({
        code: 'ERR_SVGT2I_IMAGE',
        message: `${path} cannot be decoded: ${reason}`,
      });
    }
  });
  expect(await pool.prepare(good, buckets)).toMatchObject({ width: 64, height: 64 });
});

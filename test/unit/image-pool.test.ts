/** The threads that read pictures: whole or cut, with what the file was; the built files, since threads run these. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ImagePool } from '../../dist/data/image-pool.js';
import { readPicture } from '../../lib/image/decode.js';

let folder: string;
let pool: ImagePool;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-pool-'));
  pool = new ImagePool(2, { alpha: 'drop', autoOrient: false });
  const create = {
    width: 40,
    height: 30,
    channels: 4,
    background: { r: 8, g: 16, b: 24, alpha: 0.5 },
  } as const;
  await sharp({ create }).png().toFile(path('open.png'));
  await sharp({ create })
    .flatten({ background: '#204060' })
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toFile(path('turned.jpg'));
  writeFileSync(path('none.png'), 'no picture');
});
afterAll(async () => {
  await pool.dispose();
  rmSync(folder, { recursive: true });
});

it('gives whole pictures, however large, with pixels of their own', async () => {
  const [one, other] = await Promise.all([
    pool.read(path('open.png'), { kind: 'whole' }),
    pool.read(path('open.png'), { kind: 'whole' }),
  ]);
  expect(one).toMatchObject({
    image: { width: 40, height: 30 },
    facts: { format: 'png', bits: 8, isTransparent: true },
  });
  expect([...one.image.data.subarray(0, 3)]).toEqual([8, 16, 24]);
  expect(one.image.data.buffer).not.toBe(other.image.data.buffer);
  expect(one.image.data.length).toBe(40 * 30 * 3);
});

it('cuts as for training, and as reference sets are cut', async () => {
  const buckets = [{ width: 16, height: 16 }];
  const trained = await pool.read(path('turned.jpg'), { kind: 'bucket', buckets, flip: false });
  const adm = await pool.read(path('turned.jpg'), { kind: 'adm', resolution: 24 });
  expect([trained.image.width, adm.image.width, adm.image.height]).toEqual([16, 24, 24]);
  expect(adm.facts).toEqual({ format: 'jpeg', bits: 8, isTransparent: false });
});

it('says why there is no picture', async () => {
  await expect(pool.read(path('none.png'), { kind: 'whole' })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_IMAGE',
  });
});

it('tells transparency by its pixels, and pastes or drops it', async () => {
  const white = await readPicture(path('open.png'));
  const dropped = await readPicture(path('open.png'), { alpha: 'drop' });
  expect([white.image.data[0], dropped.image.data[0]]).toEqual([131, 8]);
  const create = { width: 2, height: 2, channels: 4, background: { r: 8, g: 16, b: 24, alpha: 1 } } as const;
  await sharp({ create }).png().toFile(path('opaque.png'));
  expect((await readPicture(path('opaque.png'))).facts.isTransparent).toBe(false);
});

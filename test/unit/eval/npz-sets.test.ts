/** Sets out of npz files: whatever numpy writes is read, and what is broken is refused by its name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { SvgT2IError } from '../../../lib/errors.js';
import { openPictures } from '../../../lib/eval/open-pictures.js';
import { settleReading } from '../../../lib/eval/reading.js';
import { writeNpz } from '../../../lib/npz/write.js';
import { goldenFolder } from '../golden.js';
import { calls, resetEngine } from './measuring-engine.js';

vi.mock('../../../lib/engine.js', async () => ({ Engine: (await import('./measuring-engine.js')).Engine }));
// Tiny statistics stand for those of Inception.
vi.mock('../../../lib/eval/statistics-fit.js', async (original) => ({
  ...(await original<object>()),
  checkWidths: () => undefined,
}));

const { evaluateImages } = await import('../../../lib/eval/images.js');

const cases = goldenFolder('adm-npz');
const { files, refuse } = JSON.parse(readFileSync(join(cases, 'case.json'), 'utf8'));
beforeEach(resetEngine);

const score = (name: string) =>
  evaluateImages({ set: join(cases, name), metrics: ['is'], splits: 1, inception: 'inception.pth' });
const distance = (reference: string) =>
  evaluateImages({
    set: join(cases, 'samples_stored.npz'),
    reference: join(cases, reference),
    inception: 'i.pth',
  });

/** Some have a mu without a sigma, which is no reference and no set. */
const isHalf = (name: string) => 'mu' in files[name].members && !('sigma' in files[name].members);
const hasPictures = (name: string) => 'arr_0' in files[name].members;
const asStatistics = ['refuse_sigma_shape.npz', 'refuse_nan.npz'];

describe('a set of pictures', () => {
  it.each(Object.keys(files).filter((name) => hasPictures(name) && !isHalf(name)))(
    'is read: %s',
    async (name) => {
      const [count, height, width] = files[name].members.arr_0.shape;
      const { set } = await score(name);
      expect(set).toMatchObject({ pictures: count, unreadable: 0, sizes: [`${width}x${height}`] });
    },
  );

  it.each(Object.keys(files).filter(isHalf))('is refused with half of its statistics: %s', async (name) => {
    await expect(score(name)).rejects.toThrow(`${name}: sigma is not there, and mu is`);
  });

  it.each(Object.keys(refuse).filter((name) => !asStatistics.includes(name)))(
    'is refused: %s',
    async (name) => {
      const error = await score(name).catch((reason: unknown) => reason);
      expect(SvgT2IError.isInstance(error)).toBe(true);
      expect(error).toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT', message: expect.stringContaining(name) });
    },
  );
});

describe('a reference', () => {
  it.each(asStatistics)('is refused: %s', async (name) => {
    await expect(distance(name)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringMatching(new RegExp(`${name}.*sigma`)),
    });
    expect(calls).toEqual([]);
  });

  it('may be statistics alone, of either width of number and byte order', async () => {
    for (const name of ['reference_fp64.npz', 'big_endian.npz', 'pytorch_fid_stats.npz', 'reference.npz']) {
      expect((await distance(name)).fid).toEqual(expect.any(Number));
    }
  });
});

it('ends at a damage of a large file, whatever share may be bad, and says so to all who ask', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'svg-npz-')), 'damaged.npz');
  const data = Uint8Array.from({ length: 40 * 64 * 64 * 3 }, (_, i) => i % 251);
  await writeNpz(path, [{ name: 'arr_0', dtype: 'uint8', shape: [40, 64, 64, 3], data }]);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const request = { set: path, metrics: ['is'], splits: 1, inception: 'i.pth', maxBadShare: 1 } as const;
  await expect(evaluateImages(request)).rejects.toMatchObject({
    code: 'ERR_SVGT2I_FILE_FORMAT',
    message: expect.stringContaining('its checksum (CRC-32) does not fit'),
  });
  rmSync(dirname(path), { recursive: true });
});

it('gives pictures in any order, from anywhere', async () => {
  const reading = settleReading({ crop: 'adm', maxPixels: 1e6, workers: 1 });
  const source = await openPictures(join(cases, 'samples_deflated.npz'), reading);
  try {
    const first = await source.picture(0);
    const last = await source.picture(5);
    expect((await source.picture(0)).image.data).toEqual(first.image.data);
    expect(last.image.data).not.toEqual(first.image.data);
    const all = await Promise.all([5, 2, 4, 0, 1, 3].map((index) => source.picture(index)));
    const inOrder: Uint8Array[] = [];
    for await (const { index, image } of source.pictures({ onBad: () => undefined }))
      inOrder[index] = image.data;
    for (const { index, image } of all) expect(image.data).toEqual(inOrder[index]);
    await expect(source.picture(6)).rejects.toThrow('has no picture 6');
  } finally {
    await source.close();
  }
});

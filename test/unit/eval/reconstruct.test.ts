/** `eval reconstruct` with an autoencoder that shifts levels: crops, references, what is written. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { EvaluateEvent } from '../../../lib/eval/events.js';
import { reconstructionPath } from '../../../lib/eval/keep-reconstruction.js';
import type { ReconstructRequest } from '../../../lib/eval/reconstruct-types.js';
import { readImage } from '../../../lib/image/decode.js';
import { callsOfKind } from '../mock-engine.js';
import { behaviour, calls, resetEngine, sets } from './measuring-engine.js';
import { folder, useFolder, writeSamples, writeSet } from './pictures.js';

vi.mock('../../../lib/engine.js', async () => ({ Engine: (await import('./measuring-engine.js')).Engine }));
vi.mock('../../../lib/data/image-pool.js', async () => ({
  ImagePool: (await import('./pool.js')).ImagePool,
}));
// Tiny statistics stand for those of Inception.
vi.mock('../../../lib/eval/statistics-fit.js', async (original) => ({
  ...(await original<object>()),
  checkWidths: () => undefined,
}));

const { evaluateReconstruct } = await import('../../../lib/eval/reconstruct.js');
const { evaluateStats } = await import('../../../lib/eval/stats.js');

useFolder();
beforeEach(resetEngine);

const inception = 'inception.pth';

/** A release whose autoencoder is a file of another format: nobody looks inside. */
function model() {
  const at = join(folder, 'model');
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'autoencoder.safetensors'), '');
  return { pretrained: at, autoencoder: join(at, 'autoencoder.safetensors') };
}

const measure = (
  request: Partial<ReconstructRequest> & Pick<ReconstructRequest, 'data'>,
  onEvent?: (event: EvaluateEvent) => void,
) => evaluateReconstruct({ model: model(), resolution: 16, neighbours: 1, ...request }, { onEvent });

describe('in one pass', () => {
  it('measures reconstructions against the same crops of what was encoded', async () => {
    behaviour.autoencoder = (level) => level + 2;
    const data = await writeSet('photos', [10, 20, 30], { width: 40, height: 24 });
    const result = await measure({ data, inception, metrics: ['psnr', 'fid', 'pr'] });
    const psnr = 10 * Math.log10(255 ** 2 / 4);
    expect(result.pairs.psnr).toMatchObject({ count: 3, mean: psnr, median: psnr, std: 0 });
    expect(result.fid).toBeCloseTo(4, 9);
    expect(result.data).toMatchObject({ name: data, pictures: 3, sizes: ['16x16'] });
    expect(sets.get(data)).toEqual([10, 20, 30]);
    expect(sets.get(`reconstructions of ${data}`)).toEqual([12, 22, 32]);
  });

  it('encodes every picture alone', async () => {
    await measure({ data: await writeSet('alone', [1, 2, 3]), metrics: ['psnr'] });
    for (const { tensors } of callsOfKind(calls, 'encode')) expect(Object.keys(tensors)).toEqual(['image.0']);
    expect(callsOfKind(calls, 'encode')).toHaveLength(3);
  });

  it('takes what can be had where no metrics are named', async () => {
    const data = await writeSet('usual', [1, 2]);
    expect(Object.keys((await measure({ data })).pairs)).toEqual(['psnr', 'ssim']);
    const all = await measure({ data, inception, lpips: 'lpips.pth' });
    expect(Object.keys(all.pairs)).toEqual(['psnr', 'ssim', 'lpips']);
    expect(all.fid).toBe(0);
  });

  it('takes the first pictures of many', async () => {
    const { data } = await measure({ data: await writeSet('many', [1, 2, 3, 4]), count: 3 });
    expect(data.pictures).toBe(3);
  });

  it('leaves out what cannot be read, where that is allowed', async () => {
    const data = await writeSet('torn', [1, 2, 3, 4]);
    writeFileSync(join(data, '02.png'), 'no picture');
    await expect(measure({ data })).rejects.toMatchObject({ code: 'ERR_SVGT2I_DATA' });
    const result = await measure({ data, maxBadShare: 0.3 });
    expect(result.data).toMatchObject({ pictures: 3, unreadable: 1 });
  });
});

describe('references', () => {
  it('are statistics of the same pictures, cut alike', async () => {
    behaviour.autoencoder = (level) => level + 1;
    const data = await writeSet('referred', [10, 20]);
    const reference = join(folder, 'referred.npz');
    await evaluateStats({ set: data, inception, out: reference, resolution: 16 });
    const result = await measure({ data, inception, reference, metrics: ['fid'] });
    expect(result.fid).toBeCloseTo(1, 9);
    expect(sets.has(data)).toBe(false);
    await expect(measure({ data, inception, reference, metrics: ['fid'], crop: 'train' })).rejects.toThrow(
      "it is of other pictures, or of these read otherwise (ADM's crop 16, as stored, alpha dropped)",
    );
    await expect(measure({ data, inception, reference, metrics: ['fid'], count: 1 })).rejects.toThrow(
      /has 1 pictures, fewer than the 2/,
    );
  });

  it('of other pictures are refused, as those of a whole training set', async () => {
    const data = await writeSet('own', [10, 20]);
    const statistics = { mean: 15, variance: 50 };
    const virtual = await writeSamples('VIRTUAL_imagenet256_labeled.npz', [10, 20], statistics);
    await expect(measure({ data, inception, reference: virtual, metrics: ['fid'] })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('it does not say of which pictures its statistics are'),
      hint: expect.stringContaining('the originals are counted along'),
    });
    const pictures = await writeSamples('pictures.npz', [10, 20]);
    await expect(measure({ data, inception, reference: pictures, metrics: ['fid'] })).rejects.toThrow(
      'it holds no statistics',
    );
    expect(calls).toEqual([]);
  });
});

describe('before any work it refuses', () => {
  it.each([
    [{ resolution: 24 }, 'resolution 24: must be a multiple of 16'],
    [{ metrics: ['ms-ssim'] }, 'a picture at resolution 16 has 16x16 pixels; ms-ssim needs 161 a side'],
    [{ metrics: ['fid'] }, "fid: the weights of FID's Inception are not given"],
    [{ metrics: ['lpips'] }, 'lpips: its weights are not given'],
    [{ model: { pretrained: '/nowhere' } }, '/nowhere'],
    [{ model: { autoencodr: 'x' } }, 'model.autoencodr'],
  ] as const)('%j', async (request, message) => {
    const data = await writeSet('any', [1, 2]);
    await expect(measure({ data, ...request } as ReconstructRequest)).rejects.toThrow(message);
    expect(calls).toEqual([]);
  });

  it('statistics in place of pictures', async () => {
    const data = await writeSamples('only.npz', undefined, { mean: 1, variance: 1 });
    await expect(measure({ data })).rejects.toThrow('holds statistics, and no pictures to encode');
  });
});

describe('what is written', () => {
  it('is a report with originals beside reconstructions, and a line for each', async () => {
    behaviour.autoencoder = (level) => level + (level > 100 ? 20 : 1);
    const data = await writeSet('shown', [10, 120, 30]);
    const out = join(folder, 'out');
    const { report } = await measure({ data, metrics: ['psnr'], out, keepPictures: true });
    expect(report).toBe(join(out, 'report.html'));
    const lines = readFileSync(join(out, 'pairs.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).name)).toEqual(['00.png', '01.png', '02.png']);
    const kept = await readImage(join(out, 'reconstructions/01.png'));
    expect(kept.data[0]).toBe(140);
    const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
    expect(results).toMatchObject({ kind: 'reconstruct', settings: { resolution: 16, metrics: ['psnr'] } });
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain(`--data ${data} --metrics psnr`);
    expect(page.indexOf('01.png')).toBeGreaterThan(page.indexOf('02.png'));
  });

  it('is nothing but the report where pictures are not asked for', async () => {
    const out = join(folder, 'bare');
    await measure({ data: await writeSet('bare-set', [1, 2]), metrics: ['psnr'], out });
    expect(existsSync(join(out, 'reconstructions'))).toBe(false);
  });

  it('never is one file for two pictures, nor lies among what is read', async () => {
    const data = await writeSet('doubles', [1, 2]);
    await writeSet('doubles', [3], { format: 'jpeg' });
    const request = { data, metrics: ['psnr'], keepPictures: true } as const;
    await expect(measure({ ...request, out: join(folder, 'elsewhere') })).rejects.toThrow(
      /the reconstructions of 00\.jpg and 00\.png would both be/,
    );
    await expect(measure({ ...request, out: join(data, 'rec') })).rejects.toThrow(
      'the next run would take reconstructions for pictures',
    );
    expect(calls).toEqual([]);
  });

  it.each([
    ['a/b.jpg', '/to/a/b.png'],
    ['../../etc/x.png', '/to/etc/x.png'],
    ['no-ending', '/to/no-ending.png'],
  ])('never leads out of its folder: %s', (name, path) => {
    expect(reconstructionPath('/to', name)).toBe(path);
  });
});

it('ends with the reason of its signal', async () => {
  const controller = new AbortController();
  behaviour.onAdd = () => controller.abort(new Error('enough'));
  const data = await writeSet('aborted', [1, 2, 3]);
  const request = { model: model(), resolution: 16, data, inception };
  await expect(evaluateReconstruct(request, { signal: controller.signal })).rejects.toThrow('enough');
});

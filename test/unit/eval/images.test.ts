/** `eval images` on an engine that measures mean levels: what is compared with what, what is refused, what is told. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { EvaluateEvent } from '../../../lib/eval/events.js';
import type { ImagesRequest } from '../../../lib/eval/measure-types.js';
import { callsOfKind } from '../mock-engine.js';
import { behaviour, calls, resetEngine, sets } from './measuring-engine.js';
import { folder, useFolder, writePicture, writeSamples, writeSet } from './pictures.js';

vi.mock('../../../lib/engine.js', async () => ({ Engine: (await import('./measuring-engine.js')).Engine }));
vi.mock('../../../lib/data/image-pool.js', async () => ({
  ImagePool: (await import('./pool.js')).ImagePool,
}));
// Tiny statistics stand for those of Inception.
vi.mock('../../../lib/eval/statistics-fit.js', async (original) => ({
  ...(await original<object>()),
  checkWidths: () => undefined,
}));

const { evaluateImages } = await import('../../../lib/eval/images.js');

useFolder();
beforeEach(resetEngine);

const NETWORKS = { inception: 'inception.pth', lpips: 'lpips.pth' };
const measure = (
  request: Partial<ImagesRequest> & Pick<ImagesRequest, 'set'>,
  onEvent?: (event: EvaluateEvent) => void,
) => evaluateImages({ ...NETWORKS, kidSubsetSize: 2, splits: 1, neighbours: 1, ...request }, { onEvent });

describe('sets', () => {
  it('compares folders, in sorted order, however deep', async () => {
    await writePicture('deep/b/1.png', 20);
    await writePicture('deep/a.png', 10);
    await writePicture('deep/b.png', 30);
    const reference = await writeSet('plain', [10, 30]);
    const result = await measure({ set: join(folder, 'deep'), reference });
    // Means 20 and 20, deviations 10 and sqrt(200).
    expect(result.fid).toBeCloseTo((Math.sqrt(200) - 10) ** 2, 9);
    expect(sets.get(join(folder, 'deep'))).toEqual([10, 30, 20]);
    expect(result.set).toEqual({
      name: join(folder, 'deep'),
      pictures: 3,
      unreadable: 0,
      sizes: ['16x16'],
    });
  });

  it('takes an npz, and its statistics before its pictures for fid alone', async () => {
    const set = await writeSet('four', [10, 20, 30, 40]);
    const reference = await writeSamples('both.npz', [1, 2, 3], { mean: 25, variance: 0 });
    const result = await measure({ set, reference, metrics: ['fid', 'sfid', 'kid', 'pr', 'is'] });
    expect(result.fid).toBeCloseTo(500 / 3, 9);
    // No mu_s: of the pictures, which have the mean 2 and the deviation 1.
    expect(result.sfid).toBeCloseTo(23 ** 2 + (Math.sqrt(500 / 3) - 1) ** 2, 9);
    expect(sets.get(reference)).toEqual([1, 2, 3]);
    const asked = callsOfKind(calls, 'measure-result').map(({ request }) => [
      request.set,
      request.reference,
      request.metrics,
    ]);
    expect(asked).toEqual([
      [set, `statistics of ${reference}`, ['fid']],
      [set, reference, ['sfid', 'kid', 'pr']],
      [set, undefined, ['is']],
    ]);
  });

  it('reads no picture where statistics on both sides are enough', async () => {
    const set = await writeSamples('a.npz', undefined, { mean: 3, variance: 4 });
    const reference = await writeSamples('b.npz', [9, 9], { mean: 1, variance: 1 });
    const { fid, ...result } = await measure({ set, reference });
    expect(fid).toBe(4 + 1);
    expect(calls.map(({ kind }) => kind)).not.toContain('measure-add');
    expect(result.set.pictures).toBe(0);
  });

  it('hands statistics over before it reads a picture, so that what is wrong with them is known at once', async () => {
    const set = await writeSet('later', [1, 2]);
    await measure({ set, reference: await writeSamples('first.npz', undefined, { mean: 1, variance: 1 }) });
    const kinds = calls.map(({ kind }) => kind);
    expect(kinds.indexOf('measure-reference')).toBeGreaterThan(0);
    expect(kinds.indexOf('measure-reference')).toBeLessThan(kinds.indexOf('measure-add'));
  });

  it('refuses a sigma that is none before it reads a picture', async () => {
    const set = await writeSet('early', [1, 2]);
    const reference = await writeSamples('negative.npz', undefined, { mean: 1, variance: -1 });
    await expect(measure({ set, reference })).rejects.toThrow(
      'sigma is no covariance: it has the variance -1',
    );
    expect(calls).toEqual([]);
  });

  it('may hold a set against itself', async () => {
    const set = await writeSet('itself', [1, 2, 4]);
    expect((await measure({ set, reference: set })).fid).toBe(0);
    expect([...sets.keys()]).toEqual([set, `${set} (reference)`]);
  });

  it('scores one set alone by is', async () => {
    const { is } = await measure({ set: await writeSet('alone', [1, 2]), metrics: ['is'] });
    expect(is).toEqual({ mean: 2, std: 0 });
  });

  it.each([
    ['kid', 'kid: .*stats.npz holds statistics alone'],
    ['pr', 'pr: .*stats.npz holds statistics alone'],
    ['psnr', 'psnr: .*stats.npz holds statistics alone, and the pictures are needed'],
    ['sfid', 'sfid: .*stats.npz has mu and sigma, and no mu_s and sigma_s'],
  ] as const)('refuses statistics alone for %s', async (metric, message) => {
    const set = await writeSet('few', [1, 2, 3]);
    const reference = await writeSamples('stats.npz', undefined, { mean: 3, variance: 4 });
    await expect(measure({ set, reference, metrics: ['fid', metric] })).rejects.toThrow(new RegExp(message));
    expect(calls).toEqual([]);
  });

  it.each([
    [{ metrics: ['fid', 'is'] }, 'fid: there is nothing to compare .*few with'],
    [
      { metrics: ['kid'], reference: 'few', kidSubsetSize: 4 },
      'kid: .*few has 3 pictures, fewer than the 4 of a subset',
    ],
    [
      { metrics: ['pr'], reference: 'few', neighbours: 3 },
      'pr: .*few has 3 pictures, fewer than the 3 neighbours',
    ],
    [{ metrics: ['is'], splits: 10 }, 'is: .*few has 3 pictures, fewer than the 10 splits'],
    [
      { metrics: ['fid'], reference: 'few', inception: undefined },
      "fid: the weights of FID's Inception are not given",
    ],
    [{ metrics: ['lpips'], reference: 'few', lpips: undefined }, 'lpips: its weights are not given'],
    [{ metrics: ['fidd'] }, 'metrics'],
  ] as const)('refuses %j before any work', async (request, message) => {
    const set = await writeSet('few', [1, 2, 3]);
    const { reference } = request as { reference?: string };
    const asked = { ...request, ...(reference === undefined ? {} : { reference: set }) };
    await expect(measure({ set, ...asked } as ImagesRequest)).rejects.toThrow(new RegExp(message));
    expect(calls).toEqual([]);
  });

  it('names the published files where a network is missing', async () => {
    const set = await writeSet('few', [1, 2, 3]);
    await expect(measure({ set, reference: set, inception: undefined })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISSING',
      hint: expect.stringContaining('pt_inception-2015-12-05-6726825d.pth'),
    });
  });

  it('refuses statistics of other networks', async () => {
    const [set, reference] = [
      join(folder, 'wide.npz'),
      await writeSamples('narrow.npz', undefined, { mean: 1, variance: 1 }),
    ];
    const { writeNpz } = await import('../../../lib/npz/write.js');
    await writeNpz(set, [
      { name: 'mu', dtype: 'float64', shape: [2], data: new Float64Array(2) },
      { name: 'sigma', dtype: 'float64', shape: [2, 2], data: new Float64Array(4) },
    ]);
    await expect(measure({ set, reference })).rejects.toThrow(/means of 2 features .* of 1/);
  });
});

describe('pairs', () => {
  it('finds partners by name without extension, and keeps a line for each', async () => {
    await writePicture('own/x/1.png', 10);
    await writePicture('own/2.png', 20);
    await writePicture('other/x/1.png', 11);
    await writePicture('other/2.jpg', 20, { format: 'jpeg' });
    const out = join(folder, 'report');
    const result = await measure({
      set: join(folder, 'own'),
      reference: join(folder, 'other'),
      metrics: ['psnr', 'fid'],
      out,
    });
    const psnr = 10 * Math.log10(255 ** 2);
    expect(result.pairs?.psnr).toMatchObject({
      count: 2,
      infinite: 1,
      mean: Number.POSITIVE_INFINITY,
      finiteMean: psnr,
    });
    expect(result.warnings).toContainEqual(
      expect.stringContaining('1 pair is equal: PSNR is infinite there'),
    );
    const lines = readFileSync(join(out, 'pairs.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { name: '2.png', index: 0, width: 16, height: 16, psnr: 'inf' },
      { name: 'x/1.png', index: 1, width: 16, height: 16, psnr },
    ]);
    // The same pass gave the sets: each picture was read once.
    expect(sets.get(join(folder, 'own'))).toEqual([20, 10]);
    expect(result.fid).toBeDefined();
    const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
    expect(results.pairs.psnr.mean).toBe('inf');
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain('PSNR');
    expect(page).toContain(
      `svg-t2i eval images ${join(folder, 'own')} ${join(folder, 'other')} --metrics psnr,fid`,
    );
  });

  it('never writes over a list that it reads', async () => {
    const set = await writeSet('kept', [1, 2]);
    const list = join(folder, 'pairs.jsonl');
    writeFileSync(list, '{"path": "kept/00.png"}\n');
    await expect(
      measure({ set: list, reference: set, metrics: ['psnr', 'is'], out: folder }),
    ).rejects.toThrow(/pictures without a partner|is the file that is read/);
    await expect(measure({ set: list, metrics: ['is'], out: folder })).rejects.toThrow(
      'is the file that is read',
    );
    expect(readFileSync(list, 'utf8')).toContain('kept/00.png');
  });

  it('refuses a metric that is named twice', async () => {
    const set = await writeSet('twice-named', [1, 2]);
    await expect(measure({ set, reference: set, metrics: ['fid', 'fid'] })).rejects.toThrow(
      'must name each metric once',
    );
  });

  it('pairs pictures of an npz by position', async () => {
    const set = await writeSet('eights', [5, 6], { width: 8, height: 8 });
    const reference = await writeSamples('eights.npz', [5, 8]);
    const { pairs } = await measure({ set, reference, metrics: ['psnr'] });
    expect(pairs?.psnr?.finiteMean).toBeCloseTo(10 * Math.log10(255 ** 2 / 4), 9);
    const longer = await writeSamples('three.npz', [5, 8, 9]);
    await expect(measure({ set, reference: longer, metrics: ['psnr'] })).rejects.toThrow(
      /2 pictures and .*three.npz 3/,
    );
  });

  it('names what has no partner, on either side', async () => {
    await writePicture('left/1.png', 1);
    await writePicture('left/2.png', 1);
    await writePicture('right/1.png', 1);
    await writePicture('right/3.png', 1);
    const [set, reference] = [join(folder, 'left'), join(folder, 'right')];
    await expect(measure({ set, reference, metrics: ['psnr'] })).rejects.toThrow(
      `pictures without a partner: ${set} has 2, which ${reference} has not; ${reference} has 3, which ${set} has not`,
    );
    expect(calls).toEqual([]);
  });

  it('refuses two files of one name', async () => {
    await writePicture('twice/1.png', 1);
    await writePicture('twice/1.jpg', 1, { format: 'jpeg' });
    const set = join(folder, 'twice');
    await expect(measure({ set, reference: set, metrics: ['psnr'] })).rejects.toThrow(
      /both 1\.jpg and 1\.png/,
    );
  });

  it('refuses pairs of unlike sizes by name, and takes them for fid', async () => {
    const set = await writeSet('small', [1, 2]);
    await writePicture('mixed/00.png', 1);
    const odd = await writePicture('mixed/01.png', 2, { width: 20 });
    const reference = join(folder, 'mixed');
    const message = `${join(set, '01.png')} has 16x16 pixels and its partner ${odd} 20x16`;
    await expect(measure({ set, reference, metrics: ['psnr'] })).rejects.toThrow(message);
    const { pairs, bad } = await measure({ set, reference, metrics: ['psnr'], maxBadShare: 0.5 });
    expect(pairs?.psnr?.count).toBe(1);
    expect(bad).toEqual([{ path: join(set, '01.png'), message: expect.stringContaining(message) }]);
    const { fid, warnings } = await measure({ set, reference });
    expect(fid).toBe(0);
    expect(warnings).toContainEqual(`${reference} has pictures of 2 sizes: 16x16, 20x16`);
    const cut = await measure({ set, reference, metrics: ['psnr'], resolution: 8 });
    expect(cut.pairs?.psnr?.count).toBe(2);
  });

  it.each([
    ['ms-ssim', 161],
    ['ms-ssim-reflect', 176],
    ['ssim', 11],
  ] as const)('refuses pictures that are too small for %s', async (metric, least) => {
    const set = await writeSet(`below-${metric}`, [1], { width: least - 1, height: 200 });
    await expect(measure({ set, reference: set, metrics: [metric] })).rejects.toThrow(
      `00.png has ${least - 1}x200 pixels; ${metric} needs ${least} a side`,
    );
  });
});

describe('pictures that cannot be read', () => {
  const broken = async (name: string, count: number) => {
    const set = await writeSet(
      name,
      Array.from({ length: count }, (_, i) => i),
    );
    writeFileSync(join(set, '01.png'), Buffer.concat([readFileSync(join(set, '00.png')).subarray(0, 60)]));
    return set;
  };

  it('are named, counted, and an error at the end', async () => {
    const set = await broken('broken', 4);
    writeFileSync(join(set, '03.png'), 'no picture');
    const events: EvaluateEvent[] = [];
    const run = measure({ set, reference: set }, (event) => events.push(event));
    await expect(run).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DATA',
      message: expect.stringMatching(
        /^2 of 4 pictures of .*broken cannot be read, more than a share of 0 .*01\.png/,
      ),
    });
    const named = events.filter((event) => event.type === 'bad-picture').map(({ path }) => path);
    expect(named).toEqual([join(set, '01.png'), join(set, '03.png')]);
  });

  it('are left out where the share allows it', async () => {
    const set = await broken('allowed', 4);
    const result = await measure({ set, reference: await writeSet('whole', [0, 2, 3]), maxBadShare: 0.25 });
    expect(result.fid).toBe(0);
    expect(result.set).toMatchObject({ pictures: 3, unreadable: 1 });
    expect(result.bad.map(({ path }) => path)).toEqual([join(set, '01.png')]);
  });

  it('are an error where there is nothing else', async () => {
    const set = join(folder, 'nothing');
    await writePicture('nothing/1.png', 1);
    await writePicture('nothing/2.png', 1);
    for (const name of ['1.png', '2.png']) writeFileSync(join(set, name), 'no picture');
    await expect(measure({ set, reference: set, maxBadShare: 1 })).rejects.toThrow(
      /2 of 2 pictures .* cannot be read;/,
    );
  });

  it('are blamed on their own side of a pair', async () => {
    const reference = await broken('blamed', 4);
    const set = await writeSet('blameless', [0, 1, 2, 3]);
    const result = await measure({ set, reference, metrics: ['psnr'], maxBadShare: 0.5 });
    expect([result.set.unreadable, result.reference?.unreadable]).toEqual([0, 1]);
    expect(result.bad.map(({ path }) => path)).toEqual([join(reference, '01.png')]);
    await expect(measure({ set, reference, metrics: ['psnr'] })).rejects.toThrow(
      /^1 of 4 pairs of .* cannot be measured/,
    );
  });

  it('of a list are named by their own file', async () => {
    const set = await broken('listed', 3);
    const list = join(folder, 'listed.jsonl');
    writeFileSync(list, ['00', '01', '02'].map((name) => `{"path": "listed/${name}.png"}\n`).join(''));
    const { bad } = await measure({ set: list, metrics: ['is'], maxBadShare: 0.5 });
    expect(bad.map(({ path }) => path)).toEqual([join(set, '01.png')]);
  });

  it('take their partner along', async () => {
    const set = await broken('half', 4);
    const reference = await writeSet('partners', [0, 99, 2, 3]);
    const { pairs, fid } = await measure({ set, reference, metrics: ['psnr', 'fid'], maxBadShare: 0.25 });
    expect(pairs?.psnr).toMatchObject({ count: 3, infinite: 3 });
    expect(fid).toBe(0);
  });

  it('an empty folder, a picture, and files of other kinds are no sets', async () => {
    const { mkdirSync } = await import('node:fs');
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'empty/readme.txt'), '');
    const one = await writePicture('one.png', 1);
    writeFileSync(join(folder, 'stats.pkl'), Buffer.from([0x80, 4, 0x95]));
    await expect(measure({ set: join(folder, 'empty') })).rejects.toThrow(
      /empty holds no pictures; .*1 other file/,
    );
    await expect(measure({ set: one })).rejects.toThrow(`${one} is one picture, not a set of them`);
    await expect(measure({ set: join(folder, 'stats.pkl') })).rejects.toThrow(
      'is a pickle, which is not read',
    );
    await expect(measure({ set: join(folder, 'absent') })).rejects.toThrow(
      /cannot read .*absent: no such file/,
    );
  });
});

describe('remarks', () => {
  const warningsOf = async (set: string, reference: string, more: Partial<ImagesRequest> = {}) =>
    (await measure({ set, reference, ...more })).warnings;

  it('tell of too few pictures, per set, in words', async () => {
    const [set, reference] = [
      await writeSet('five', [1, 2, 3, 4, 5]),
      await writeSet('six', [1, 2, 3, 4, 5, 6]),
    ];
    const few = (await warningsOf(set, reference)).filter((line) => line.includes('2048 dimensions'));
    expect(few).toHaveLength(2);
    expect(few[0]).toContain(`${set}: fid of 5 pictures, fewer than the 2048 dimensions`);
    expect((await warningsOf(set, reference, { metrics: ['kid'] })).join()).not.toContain('2048');
  });

  it('count what stored statistics are of, not the pictures beside them', async () => {
    const set = await writeSet('against', [1, 2]);
    const unknown = await writeSamples('ten.npz', [1, 2, 3], { mean: 1, variance: 1 });
    const few = (lines: readonly string[]) => lines.filter((line) => line.includes('2048 dimensions'));
    expect(few(await warningsOf(set, unknown, { metrics: ['fid', 'pr'] }))).toEqual([
      expect.stringContaining(set),
    ]);
  });

  it('tell of sizes, compression, transparency and 16 bits', async () => {
    const set = await writeSet('jpegs', [1, 2], { format: 'jpeg' });
    await writePicture('mixed-bag/1.png', 0, { width: 32, alpha: 0.5 });
    await writePicture('mixed-bag/2.png', 2, { width: 32, bits: 16 });
    const reference = join(folder, 'mixed-bag');
    const lines = (await warningsOf(set, reference)).join('\n');
    expect(lines).toContain(`most pictures of ${set} are 16x16, of ${reference} 32x16`);
    expect(lines).toContain(`${set} has jpeg pictures, ${reference} has none`);
    expect(lines).toContain(`${reference} has 1 picture with transparent pixels: pasted on white`);
    expect(lines).toContain(`${reference} has 1 picture of 16 bits`);
    expect(sets.get(reference)?.[0]).toBeGreaterThan(100);
    const dropped = await warningsOf(set, reference, { alpha: 'drop' });
    expect(dropped.join('\n')).toContain('seen without their alpha channel');
    expect(sets.get(reference)?.[0]).toBe(0);
  });

  it('tell of a reference of another resolution, by its pictures or its name', async () => {
    const set = await writeSet('sixteen', [1, 2]);
    const named = await writeSamples('VIRTUAL_imagenet512.npz', undefined, { mean: 1, variance: 1 });
    const line = (lines: readonly string[]) => lines.find((one) => one.includes('another resolution'));
    expect(line(await warningsOf(set, named))).toContain('512x512 by its name');
    const other = await writeSamples('other.npz', undefined, { mean: 1, variance: 1 });
    expect(line(await warningsOf(set, other))).toBeUndefined();
  });
});

it('ends with the reason of its signal, while pictures are being added', async () => {
  const set = await writeSet('aborted', [1, 2, 3]);
  const controller = new AbortController();
  behaviour.onAdd = () => controller.abort(new Error('enough'));
  const { signal } = controller;
  await expect(evaluateImages({ ...NETWORKS, set, reference: set }, { signal })).rejects.toThrow('enough');
});

it('tells how far it is', async () => {
  const set = await writeSet('told', [1, 2, 3]);
  const events: EvaluateEvent[] = [];
  await measure({ set, reference: set }, (event) => events.push(event));
  const progress = events.filter((event) => event.type === 'progress');
  expect(progress).toContainEqual({ type: 'progress', done: 3, total: 3, what: `pictures of ${set}` });
  expect(progress.at(-1)).toEqual({ type: 'progress', done: 0, what: 'fid' });
});

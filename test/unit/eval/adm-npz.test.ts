import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkAdmNpz, picturesOf } from '../../../lib/eval/adm-npz.js';
import { readStatistics } from '../../../lib/eval/npz-statistics.js';
import { openNpz } from '../../../lib/npz/read.js';
import { type NpzOutput, writeNpz } from '../../../lib/npz/write.js';
import { goldenFolder } from '../golden.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-adm-'));
afterAll(() => rmSync(folder, { recursive: true }));

const golden = (name: string) => join(goldenFolder('adm-npz'), name);

async function written(name: string, arrays: readonly NpzOutput[]): Promise<string> {
  const path = join(folder, name);
  await writeNpz(path, arrays);
  return path;
}

const pictures = (shape: readonly number[]): NpzOutput => ({
  name: 'arr_0',
  dtype: 'uint8',
  shape,
  data: new Uint8Array(shape.reduce((a, b) => a * b, 1)),
});
const vector = (name: string, values: readonly number[]): NpzOutput => ({
  name,
  dtype: 'float64',
  shape: [values.length],
  data: Float64Array.from(values),
});
const matrix = (name: string, side: number): NpzOutput => ({
  name,
  dtype: 'float64',
  shape: [side, side],
  data: new Float64Array(side * side),
});

describe('checkAdmNpz', () => {
  it.each([
    [
      'refuse_nchw.npz',
      'arr_0',
      'has the shape (6, 3, 16, 16), channels first; pictures are (n, height, width, 3)',
    ],
    ['refuse_float.npz', 'arr_0', 'holds values of type float32; pictures are uint8, 0 to 255'],
    [
      'refuse_grey.npz',
      'arr_0',
      'has the shape (6, 16, 16, 1), 1 channels; pictures are (n, height, width, 3), RGB',
    ],
    ['refuse_no_arr_0.npz', 'arr_0', 'is not there; it holds images'],
    ['refuse_pickled.npz', 'arr_0', 'holds pickled Python objects, which are never loaded'],
    ['refuse_crc.npz', 'arr_0', 'is damaged: its checksum (CRC-32) does not fit'],
  ])('names what is wrong with %s', async (name, path, reason) => {
    const { faults } = await checkAdmNpz(golden(name));
    expect(faults).toContainEqual(expect.objectContaining({ path, reason }));
  });

  it.each([
    ['refuse_nchw.npz', 'takes it without a word, and its numbers mean nothing'],
    ['refuse_no_arr_0.npz', 'stops: missing arr_0 in npz file'],
    ['refuse_pickled.npz', 'stops'],
    ['refuse_crc.npz', 'stops'],
  ])('says what the evaluator makes of %s', async (name, scorer) => {
    const { faults } = await checkAdmNpz(golden(name));
    expect(faults).toContainEqual(expect.objectContaining({ path: 'arr_0', scorer }));
  });

  it.each([
    ['refuse_sigma_shape.npz', 'sigma', 'has the shape (7, 8), not (8, 8) as mu wants'],
    ['refuse_nan.npz', 'sigma', /^has the value NaN, at \d+$/],
  ])('names what is wrong with the statistics of %s', async (name, path, reason) => {
    const { faults } = await checkAdmNpz(golden(name));
    const wanted = typeof reason === 'string' ? reason : expect.stringMatching(reason);
    expect(faults).toContainEqual({ path, reason: wanted });
  });

  it('names the file where it is no zip file', async () => {
    const { faults, pictures: count } = await checkAdmNpz(golden('refuse_truncated.npz'));
    expect([faults.length, count]).toEqual([1, 0]);
    expect(faults[0]).toMatchObject({ path: 'refuse_truncated.npz', reason: /^is no whole npz/ });
  });

  it('says what a file of pictures, a reference and statistics serve', async () => {
    expect(await checkAdmNpz(golden('samples_stored.npz'), { resolution: 16 })).toEqual({
      as: 'adm-npz',
      target: golden('samples_stored.npz'),
      prompts: 0,
      pictures: 6,
      faults: [],
      warnings: [
        'pictures alone: serves FID, sFID, precision and recall, Inception Score',
        '6 pictures; published figures are of 50000, as samples',
      ],
    });
    expect((await checkAdmNpz(golden('reference.npz'))).warnings).toEqual([
      'pictures and statistics: serves FID, sFID, precision and recall, Inception Score',
      "mu and sigma are the file's own, not those of arr_0: the evaluator takes them for FID",
    ]);
    expect(await checkAdmNpz(golden('pytorch_fid_stats.npz'))).toMatchObject({
      faults: [{ path: 'arr_0' }, { path: 'mu_s' }],
      warnings: [
        'statistics alone: serves FID; not sFID (mu_s and sigma_s), precision and recall (arr_0), Inception Score (arr_0)',
      ],
    });
  });

  it('wants the sides that are asked for, and one label for each picture', async () => {
    const path = await written('labelled.npz', [
      pictures([2, 8, 16, 3]),
      { name: 'arr_1', dtype: 'int64', shape: [3], data: BigInt64Array.from([0n, 1n, 2n]) },
    ]);
    const { faults, warnings } = await checkAdmNpz(path, { resolution: 16 });
    expect(faults).toMatchObject([{ path: 'arr_0', reason: 'has pictures of 16x8 pixels, not of 16x16' }]);
    expect(warnings[0]).toBe('arr_1 has 3 labels for 2 pictures');
  });

  it('wants pictures, and statistics of both kinds where it has one', async () => {
    expect((await checkAdmNpz(await written('none.npz', [pictures([0, 8, 8, 3])]))).faults).toMatchObject([
      { path: 'arr_0', reason: 'has the shape (0, 8, 8, 3): no picture' },
    ]);
    const half = [pictures([1, 8, 8, 3]), vector('mu', [1, 2])];
    expect((await checkAdmNpz(await written('half.npz', half))).faults).toMatchObject([
      { path: 'sigma', reason: 'is not there, and mu is' },
    ]);
    const pool = [...half, matrix('sigma', 2)];
    expect((await checkAdmNpz(await written('pool.npz', pool))).faults).toMatchObject([
      { path: 'mu_s', reason: 'is not there, and mu is' },
    ]);
  });

  it('throws for a file that is not there, and tells how far it is', async () => {
    await expect(checkAdmNpz(join(folder, 'missing.npz'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    const seen: (readonly [number, number])[] = [];
    await checkAdmNpz(golden('samples_stored.npz'), { onProgress: (...progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual([6, 6]);
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(checkAdmNpz(golden('samples_stored.npz'), { signal: controller.signal })).rejects.toThrow(
      'enough',
    );
  });
});

describe('readStatistics', () => {
  it('gives fp64 whatever the file has, and nothing where it has none', async () => {
    await using single = await openNpz(golden('reference.npz'));
    await using double = await openNpz(golden('reference_fp64.npz'));
    await using swapped = await openNpz(golden('big_endian.npz'));
    const wanted = await readStatistics(single);
    expect(wanted?.mu).toBeInstanceOf(Float64Array);
    expect([wanted?.mu.length, wanted?.sigma.length, wanted?.spatial?.sigma.length]).toEqual([8, 64, 225]);
    expect(await readStatistics(double)).toEqual(wanted);
    expect(await readStatistics(swapped)).toEqual(wanted);
    await using none = await openNpz(golden('samples_stored.npz'));
    expect(await readStatistics(none)).toBeUndefined();
    expect(await picturesOf(none)).toEqual({ count: 6, height: 16, width: 16 });
  });

  it.each([
    [[vector('mu', []), matrix('sigma', 0)], 'mu has the shape (0), not (d)'],
    [[matrix('mu', 2), matrix('sigma', 2)], 'mu has the shape (2, 2), not (d)'],
    [[vector('mu_s', [1]), matrix('sigma_s', 1)], 'mu is not there, and mu_s is'],
    [[vector('mu', [Number.POSITIVE_INFINITY]), matrix('sigma', 1)], 'mu has the value Infinity, at 0'],
    [
      [{ ...vector('mu', [1]), dtype: 'int64', data: BigInt64Array.from([1n]) } as const, matrix('sigma', 1)],
      'mu holds values of type int64, not of float32 or float64',
    ],
  ])('refuses what does not fit (%#)', async (arrays, message) => {
    await using file = await openNpz(await written('odd.npz', arrays));
    await expect(readStatistics(file)).rejects.toThrow(message);
  });

  it('reads of how many pictures they are, where the file says it', async () => {
    const count = { name: 'count', dtype: 'int64', shape: [], data: BigInt64Array.from([50_000n]) } as const;
    await using file = await openNpz(
      await written('count.npz', [vector('mu', [1]), matrix('sigma', 1), count]),
    );
    expect(await readStatistics(file)).toMatchObject({ count: 50_000 });
  });
});

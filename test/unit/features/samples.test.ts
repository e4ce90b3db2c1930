import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketLines } from '../../../lib/cli/bucket-lines.js';
import { autoencoderTrainingSchema } from '../../../lib/config/train-autoencoder.js';
import { ditTrainingSchema } from '../../../lib/config/train-dit.js';
import { flipImage } from '../../../lib/data/crop.js';
import { uniformDraw } from '../../../lib/data/random.js';
import { SvgT2IError } from '../../../lib/errors.js';
import { countBuckets, countedBuckets } from '../../../lib/features/bucket-counts.js';
import { checkAutoencoderSizes, checkDitSizes, checkSampleSizes } from '../../../lib/features/check-sizes.js';
import { TrainingDataset } from '../../../lib/features/dataset.js';
import { type OrderedItem, orderedItems } from '../../../lib/features/order.js';
import { pictureSizes } from '../../../lib/features/picture-sizes.js';
import { SampleStream } from '../../../lib/features/sample-stream.js';
import { encodeImage } from '../../../lib/image/encode.js';
import { SYSTEM_PROMPTS } from '../../../lib/text/system-prompts.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-samples-'));
  mkdirSync(join(folder, 'classes/cat'), { recursive: true });
  mkdirSync(join(folder, 'classes/dog'));
  for (const name of ['cat/1.png', 'cat/2.png', 'dog/1.png'])
    writeFileSync(join(folder, 'classes', name), '');
  const lines = Array.from({ length: 10 }, (_, i) => JSON.stringify({ path: `${i}.png`, prompt: `p${i}` }));
  writeFileSync(join(folder, 'list.jsonl'), lines.join('\n'));
  writeFileSync(join(folder, 'plain.jsonl'), '{"path": "a.png"}\n');
  writeFileSync(join(folder, 'empty.jsonl'), '\n');
  mkdirSync(join(folder, 'none'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const set = (name: string, options: object = {}) => ({ path: join(folder, name), ratio: 1, ...options });

describe('a dataset of several sets', () => {
  it('joins them, with the system prompt of each', async () => {
    const data = await TrainingDataset.open(
      [
        set('list.jsonl', { systemPrompt: 'A: ' }),
        set('classes', { prompt: 'a {class}', systemPrompt: 'empty' }),
      ],
      { captions: true },
    );
    expect(data.length).toBe(13);
    expect(await data.item(3)).toMatchObject({ path: join(folder, '3.png'), prompt: 'A: p3' });
    expect(await data.item(12)).toMatchObject({ path: join(folder, 'classes/dog/1.png'), prompt: 'a dog' });
    await expect(data.item(13)).rejects.toThrow('no picture 13');
    await data.close();
  });

  it('puts base before captions, align before fine ones, and what a set says before all of its', async () => {
    const fine = JSON.stringify({ image_path: 'a.png', super_high_quality_caption: 'fine' });
    writeFileSync(join(folder, 'fine.jsonl'), `${fine}\n{"path": "b.png", "prompt": null}`);
    const prompts = async (options: object) => {
      const data = await TrainingDataset.open([set('fine.jsonl', options)], { captions: true });
      const items = [await data.item(0), await data.item(1)];
      await data.close();
      return items.map(({ prompt }) => prompt);
    };
    const { align, base, real } = SYSTEM_PROMPTS;
    expect(await prompts({})).toEqual([`${align}fine`, base]);
    expect(await prompts({ systemPrompt: 'real' })).toEqual([`${real}fine`, real]);
    expect(await prompts({ systemPrompt: 'empty' })).toEqual(['fine', '']);
  });

  it('takes a share of a set, or takes it more often', async () => {
    const paths = async (ratio: number) => {
      const data = await TrainingDataset.open([set('list.jsonl', { ratio })], { captions: true });
      const items = await Promise.all(Array.from({ length: data.length }, (_, i) => data.item(i)));
      await data.close();
      return items.map(({ path }) => path);
    };
    const some = await paths(0.4);
    expect(new Set(some).size).toBe(4);
    const more = await paths(2.4);
    expect(more).toHaveLength(24);
    expect(more.slice(20)).toEqual(some);
    expect(new Set(more.slice(0, 10))).toEqual(new Set(more.slice(10, 20)));
  });

  it.each([
    ['empty.jsonl', {}, 'ERR_SVGT2I_FILE_FORMAT', 'lists no pictures'],
    ['none', { prompt: 'x' }, 'ERR_SVGT2I_FILE_FORMAT', 'holds no pictures'],
    ['plain.jsonl', {}, 'ERR_SVGT2I_FILE_FORMAT', 'plain.jsonl:1: no "prompt"'],
    ['classes', {}, 'ERR_SVGT2I_INVALID_CONFIG', 'have no captions'],
    ['gone.jsonl', {}, 'ERR_SVGT2I_FILE_NOT_FOUND', 'no such file'],
  ])('%s is refused before any work', async (name, options, code, message) => {
    const opening = TrainingDataset.open([set('list.jsonl'), set(name, options)], { captions: true });
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    const hint = await opening.catch((error: { hint?: string }) => error.hint);
    expect(hint).toEqual(name === 'gone.jsonl' ? undefined : expect.any(String));
  });

  it('needs no captions where nobody reads them', async () => {
    const data = await TrainingDataset.open([set('plain.jsonl'), set('classes')], { captions: false });
    expect(data.length).toBe(4);
    await data.close();
  });
});

describe('the order', () => {
  const base = { items: 10, rank: 0, worldSize: 1, globalBatch: 4, steps: 6, firstStep: 0, seed: 3 };

  it('gives a sample the same number and picture on any number of processes and after a resume', () => {
    const whole = new Map([...orderedItems(base)].map(({ draw, index }) => [draw, index]));
    expect(whole.size).toBe(24);
    for (const worldSize of [2, 4]) {
      const shared = Array.from({ length: worldSize }, (_, rank) => [
        ...orderedItems({ ...base, rank, worldSize, firstStep: 2 }),
      ]).flat();
      expect(shared).toHaveLength(16);
      for (const { draw, index } of shared) expect(whole.get(draw)).toBe(index);
      expect(Math.min(...shared.map(({ draw }) => draw))).toBe(8);
    }
  });
});

function streamOf(
  order: readonly OrderedItem[],
  options: {
    readonly items: number;
    readonly bad: (index: number) => boolean;
    readonly maxBadShare?: number;
  },
) {
  const told: number[] = [];
  const loads: number[] = [];
  const stream = new SampleStream({
    order,
    items: options.items,
    ahead: 3,
    maxBadShare: options.maxBadShare ?? 0.5,
    load: async ({ draw, index }) => {
      loads.push(index);
      await new Promise((resolve) => setTimeout(resolve, index % 3));
      if (options.bad(index)) throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${index}.png is broken`);
      return { draw, index };
    },
    onBad: (_, index) => told.push(index),
  });
  return { stream, told, loads };
}

const inOrder = (count: number, items = count) =>
  Array.from({ length: count }, (_, draw) => ({ draw, index: draw % items }));

describe('a stream of samples', () => {
  it('keeps the order, works ahead within its bound, and ends with the order', async () => {
    const { stream, loads } = streamOf(inOrder(8), { items: 8, bad: () => false });
    expect((await stream.take(3)).map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(loads.length).toBeLessThanOrEqual(3 + 3);
    expect(await stream.take(100)).toHaveLength(5);
    expect(await stream.take(1)).toEqual([]);
  });

  it('replaces a bad picture by its neighbour, names it once and counts it', async () => {
    const { stream, told } = streamOf(inOrder(20, 10), { items: 10, bad: (index) => index === 4 });
    const taken = await stream.take(20);
    expect(taken.map(({ draw }) => draw)).toEqual(inOrder(20).map(({ draw }) => draw));
    expect(taken[4]).toEqual({ draw: 4, index: 5 });
    expect(taken[14]).toEqual({ draw: 14, index: 5 });
    expect(told).toEqual([4]);
  });

  it('stops where more than the set share is bad', async () => {
    const { stream } = streamOf(inOrder(400), {
      items: 400,
      bad: (index) => index % 10 === 0,
      maxBadShare: 0.05,
    });
    await expect(stream.take(400)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DATA',
      message: expect.stringMatching(
        /more than data.maxBadShare \(0.05\) allows; one of them: \d+.png is broken/,
      ),
      hint: expect.stringContaining('maxBadShare'),
    });
  });

  it('goes on where a whole folder is missing, as long as its share is small', async () => {
    const items = 100_000;
    const bad = (index: number) => index >= 50_000 && index < 54_000;
    const order = Array.from({ length: 400 }, (_, draw) => ({ draw, index: (draw * 7919) % items }));
    const { stream, told } = streamOf(order, { items, bad, maxBadShare: 0.05 });
    const taken = await stream.take(order.length);
    expect(taken).toHaveLength(order.length);
    expect(taken.some(({ index }) => bad(index))).toBe(false);
    expect(told.length).toBeGreaterThan(0);
  });

  it.each([1, 5, 5000])('stops on a set of %i broken pictures', async (items) => {
    const { stream } = streamOf(inOrder(3, items), { items, bad: () => true, maxBadShare: 1 });
    await expect(stream.take(1)).rejects.toMatchObject({ code: 'ERR_SVGT2I_DATA' });
  });

  it('does not hide other errors, and ends with a signal', async () => {
    const failing = new SampleStream({
      order: inOrder(3),
      items: 3,
      ahead: 1,
      maxBadShare: 1,
      load: async () => {
        throw new SvgT2IError('ERR_SVGT2I_OUT_OF_MEMORY', 'no memory');
      },
    });
    await expect(failing.take(1)).rejects.toMatchObject({ code: 'ERR_SVGT2I_OUT_OF_MEMORY' });
    const { stream } = streamOf(inOrder(3), { items: 3, bad: () => false });
    const reason = new Error('stop');
    await expect(stream.take(1, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

it('mirrors a picture', () => {
  const image = { width: 2, height: 2, data: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) };
  expect([...flipImage(image).data]).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
});

it('draws numbers that depend on seed and sample, evenly', () => {
  const draws = Array.from({ length: 10_000 }, (_, draw) => uniformDraw(7, draw));
  expect(draws.reduce((sum, value) => sum + value, 0) / draws.length).toBeCloseTo(0.5, 1);
  expect(draws.filter((value) => value < 0.1).length / draws.length).toBeCloseTo(0.1, 1);
  expect(uniformDraw(7, 3)).toBe(draws[3]);
  expect(uniformDraw(8, 3)).not.toBe(draws[3]);
  expect(uniformDraw(7, 3 + 2 ** 40)).not.toBe(draws[3]);
});

it('cuts to one size or to those of an area', () => {
  expect(pictureSizes({ resolution: 64, aspect: 'square', maxRatio: 4 })).toEqual([
    { width: 64, height: 64 },
  ]);
  const sizes = pictureSizes({ resolution: 256, aspect: 'multi', maxRatio: 4 });
  expect(sizes).toContainEqual({ width: 256, height: 256 });
  expect(sizes.length).toBeGreaterThan(3);
});

describe('sizes that a model cannot take', () => {
  const autoencoder = (data: object, more: object = {}) =>
    autoencoderTrainingSchema.parse({
      steps: 1,
      batch: { global: 1 },
      encoder: { train: true },
      data: { sets: [{ path: 'x' }], ...data },
      ...more,
    });
  const dit = (data: object, model: object) =>
    ditTrainingSchema.parse({
      steps: 1,
      batch: { global: 1 },
      model: { preset: '0.8B', ...model },
      data: { sets: [{ path: 'x' }], ...data },
    });

  it('are refused with the size and the way out: the discriminator', () => {
    expect(() => checkAutoencoderSizes(autoencoder({ resolution: 32 }))).toThrow(
      'data.resolution 32 (data.aspect multi, data.maxRatio 4) gives pictures of 64x16: the discriminator needs 32 pixels a side',
    );
    expect(() => checkAutoencoderSizes(autoencoder({ resolution: 16, aspect: 'square' }))).toThrow(/16x16/);
    for (const data of [
      { resolution: 32, aspect: 'square' },
      { resolution: 32, maxRatio: 2 },
      { resolution: 64 },
    ])
      checkAutoencoderSizes(autoencoder(data));
    checkAutoencoderSizes(autoencoder({ resolution: 32 }, { loss: { discWeight: 0 } }));
    try {
      checkAutoencoderSizes(autoencoder({ resolution: 32 }));
    } catch (error) {
      expect(error).toMatchObject({
        code: 'ERR_SVGT2I_INVALID_CONFIG',
        hint: expect.stringContaining('data.aspect square'),
      });
    }
  });

  it('the residual branch', () => {
    const loss = { discWeight: 0 };
    const config = autoencoder({ resolution: 16 }, { loss, model: { residual: {} } });
    expect(() => checkAutoencoderSizes(config)).toThrow(
      /16x16: aligning the residual branch needs two latent cells/,
    );
    checkAutoencoderSizes(autoencoder({ resolution: 16 }, { loss }));
  });

  it("the autoencoder's cells, whatever they have", () => {
    const square = (resolution: number, model: object = {}) => dit({ resolution, aspect: 'square' }, model);
    checkDitSizes(square(100), 4);
    checkDitSizes(square(264), 8);
    expect(() => checkDitSizes(square(264))).toThrow('data.resolution: must be a multiple of 16, got 264');
    expect(() => checkDitSizes(square(48), 32)).toThrow('data.resolution: must be a multiple of 32, got 48');
    expect(() => checkDitSizes(square(48, { patch_size: 2 }))).toThrow(
      'data.resolution: must be a multiple of 32 for patch_size 2, got 48',
    );
    const svg = { kind: 'svg', preset: 'B', num_classes: 3 };
    const classes = (resolution: number) =>
      ditTrainingSchema.parse({ ...square(64), model: svg, data: { ...square(resolution).data } });
    checkDitSizes(classes(4096), 8);
    expect(() => checkDitSizes(classes(4100), 4)).toThrow(/takes at most 2048 pixels a side/);
  });

  it('tokens of several cells, and tables of positions', () => {
    checkDitSizes(dit({ resolution: 256 }, {}));
    checkDitSizes(dit({ resolution: 256, aspect: 'square' }, { patch_size: 2 }));
    expect(() => checkDitSizes(dit({ resolution: 256 }, { patch_size: 2 }))).toThrow(
      /: model.patch_size 2 needs multiples of 32 pixels/,
    );
    expect(() => checkDitSizes(dit({ resolution: 256 }, { axes_lens: [600, 16, 16] }))).toThrow(
      /model.axes_lens has places for 256x256 pixels/,
    );
  });
});

describe('sizes of the pictures that a run draws', () => {
  const svg = { kind: 'svg', hidden_size: 64, depth: 1, num_heads: 1 };
  const config = (samples: object, model: object = {}, resolution = 256) =>
    ditTrainingSchema.parse({
      steps: 1,
      batch: { global: 1 },
      model: 'kind' in model ? model : { preset: '0.8B', ...model },
      data: { sets: [{ path: 'x' }], resolution },
      samples,
    });

  it.each([
    [{ width: 64, height: 32 }, {}, 32],
    [{ width: 248, height: 8 }, {}, 8],
    [{ width: 48 }, {}, 16],
    [{ width: 16_384 }, {}, 32],
    [{ width: 48, every: 0 }, {}, 32],
    [{ width: 64 }, svg, 32],
  ])('%j of %j fits cells of %i pixels', (samples, model, cellPixels) => {
    checkSampleSizes(config(samples, model), cellPixels);
  });

  it.each([
    [{ width: 48 }, {}, 32, 'samples.width: must be a multiple of 32, got 48'],
    [{ height: 100 }, {}, 16, 'samples.height: must be a multiple of 16, got 100'],
    [
      { width: 48 },
      { patch_size: 2 },
      16,
      'samples.width: must be a multiple of 32 for patch_size 2, got 48',
    ],
    [{ width: 48 }, svg, 32, 'samples.width: must be a multiple of 32, got 48'],
    [
      { width: 256, height: 144 },
      { axes_lens: [600, 8, 16] },
      16,
      'samples.height: must be at most 128 for axes_lens of 8, got 144',
    ],
    [{ width: 8208 }, svg, 16, 'samples.width: must be at most 8192, got 8208'],
    [{ width: 4104 }, {}, 8, 'samples.width: must be at most 4096, got 4104'],
    [
      { width: 16_400 },
      { axes_lens: [600, 1024, 1024] },
      16,
      'samples.width: must be at most 8192, got 16400',
    ],
  ])('%j of %j does not fit cells of %i pixels: %s', (samples, model, cellPixels, message) => {
    expect(() => checkSampleSizes(config(samples, model), cellPixels)).toThrow(
      expect.objectContaining({
        code: 'ERR_SVGT2I_INVALID_CONFIG',
        message: expect.stringContaining(message),
      }),
    );
  });

  it('are of the resolution where not given, which is named then', () => {
    checkSampleSizes(config({ width: 64, height: 64 }, {}, 272), 32);
    expect(() => checkSampleSizes(config({ width: 64 }, {}, 272), 32)).toThrow(
      'samples.height (of data.resolution): must be a multiple of 32, got 272',
    );
  });
});

describe('counts of sizes', () => {
  const options = { resolution: 256, aspect: 'multi', maxRatio: 4, autoOrient: true } as const;

  it('are told for every picture, from the headers', async () => {
    const sizes = {
      'w.png': [300, 100],
      't.png': [100, 300],
      'w2.png': [600, 200],
      'b.png': [0, 0],
    } as const;
    for (const [name, [width, height]] of Object.entries(sizes)) {
      const image = { width, height, data: new Uint8Array(width * height * 3) };
      writeFileSync(join(folder, name), width === 0 ? 'broken' : await encodeImage(image, { format: 'png' }));
    }
    const lines = Object.keys(sizes).map((path) => JSON.stringify({ path, prompt: '' }));
    writeFileSync(join(folder, 'sizes.jsonl'), lines.join('\n'));
    const data = await TrainingDataset.open([set('sizes.jsonl')], { captions: true });
    const counts = await countBuckets(data, options);
    await expect(countBuckets(data, options, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    await data.close();
    const [wide, tall] = counts.sizes;
    expect(counts).toMatchObject({ counted: 4, unreadable: 1, items: 4 });
    expect([counts.sizes.length, wide?.count, tall?.count]).toEqual([2, 2, 1]);
    expect(wide).toMatchObject({ width: tall?.height, height: tall?.width });
    expect(bucketLines(counts)).toEqual([
      `sizes: ${wide?.width}x${wide?.height} 2, ${tall?.width}x${tall?.height} 1`,
      '1 of 4 pictures have no header that can be read',
    ]);
  });

  it('need no pictures where there is one size, and look at some of very many', async () => {
    const gone = { length: 7, item: () => Promise.reject(new Error('not asked for')) };
    expect(await countBuckets(gone, { ...options, aspect: 'square' })).toEqual({
      sizes: [{ width: 256, height: 256, count: 7 }],
      counted: 7,
      unreadable: 0,
      items: 7,
    });
    const many = { length: 1e6, item: async () => ({ path: join(folder, 'w.png') }) };
    const counts = await countBuckets(many, options);
    expect(counts).toMatchObject({ counted: 4096, items: 1e6, sizes: [{ count: 4096 }] });
    expect(bucketLines(counts)[0]).toMatch(/^sizes of 4096 pictures drawn from 1000000: \d+x\d+ 100\.0 %$/);
  });

  it('come from a cache as they are', () => {
    const part = (width: number, count: number) => ({ width, height: 16, count });
    const counts = countedBuckets([part(32, 2), part(16, 1), part(32, 3)], 8);
    expect(counts).toEqual({
      sizes: [part(32, 5), part(16, 1)],
      counted: 8,
      unreadable: 2,
      items: 8,
    });
    const twelve = Array.from({ length: 12 }, (_, i) => part(16 * (i + 1), 12 - i));
    expect(bucketLines(countedBuckets(twelve, 78))[0]).toMatch(/, 4 more sizes 10$/);
  });
});

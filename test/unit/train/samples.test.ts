import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flipImage } from '../../../lib/data/crop.js';
import { uniformDraw } from '../../../lib/data/random.js';
import { SvgT2IError } from '../../../lib/errors.js';
import { TrainingDataset } from '../../../lib/train/dataset.js';
import { type OrderedItem, orderedItems } from '../../../lib/train/order.js';
import { pictureSizes } from '../../../lib/train/pictures.js';
import { SampleStream } from '../../../lib/train/sample-stream.js';

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
    await expect(opening).rejects.toHaveProperty(
      'hint',
      name === 'gone.jsonl' ? undefined : expect.any(String),
    );
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
    expect(stream.badItems).toBe(1);
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

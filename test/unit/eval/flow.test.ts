/** Pictures on their way to the engine: in order, some ahead, one batch while the next is gathered. */
import { describe, expect, it } from 'vitest';
import { Batches } from '../../../lib/eval/batches.js';
import { AheadLimit } from '../../../lib/eval/good-pictures.js';
import { readAhead } from '../../../lib/eval/read-ahead.js';

const collect = async <Value>(values: AsyncIterable<Value>) => {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
};

describe('readAhead', () => {
  it('keeps the order, whatever is ready first, and begins only so many', async () => {
    let [begun, most, taken] = [0, 0, 0];
    const load = async (value: number) => {
      begun++;
      most = Math.max(most, begun - taken);
      await new Promise((resolve) => setTimeout(resolve, value % 2 === 0 ? 3 : 0));
      return value * 10;
    };
    const values = readAhead([0, 1, 2, 3, 4, 5, 6], load, { ahead: () => 3 });
    const got: number[] = [];
    for await (const value of values) {
      got.push(value);
      taken++;
    }
    expect(got).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('rejects where the failed value would have been', async () => {
    const load = async (value: number) => {
      if (value === 2) throw new Error('two');
      return value;
    };
    const got: number[] = [];
    const run = (async () => {
      for await (const value of readAhead([0, 1, 2, 3], load, { ahead: () => 4 })) got.push(value);
    })();
    await expect(run).rejects.toThrow('two');
    expect(got).toEqual([0, 1]);
  });

  it('ends with the reason of its signal, though nothing comes', async () => {
    const controller = new AbortController();
    const values = readAhead([1], () => new Promise(() => undefined), {
      ahead: () => 1,
      signal: controller.signal,
    });
    const run = collect(values);
    controller.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
  });

  it('begins one at least', async () => {
    expect(await collect(readAhead([1, 2], async (value) => value, { ahead: () => 0 }))).toEqual([1, 2]);
  });
});

describe('AheadLimit', () => {
  it('lets few wait until their size is known, then many small ones or few large ones', () => {
    const limit = new AheadLimit();
    expect(limit.current()).toBe(2);
    limit.add(196_608);
    expect(limit.current()).toBe(64);
    limit.add(72e6);
    expect(limit.current()).toBe(14);
    limit.add(1100e6);
    limit.add(3);
    expect(limit.current()).toBe(2);
  });
});

describe('Batches', () => {
  it('sends one while the next is gathered, never two', async () => {
    const sent: number[][] = [];
    let [running, most] = [0, 0];
    const batches = new Batches<number>(3, async (items) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      sent.push([...items]);
    });
    for (let i = 0; i < 8; i++) await batches.push(i, 1);
    await batches.finish();
    expect(sent).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
    expect(most).toBe(1);
  });

  it('sends early what takes much', async () => {
    const sent: number[] = [];
    const batches = new Batches<number>(100, async ({ length }) => void sent.push(length));
    for (let i = 0; i < 3; i++) await batches.push(i, 200 * 2 ** 20);
    await batches.finish();
    expect(sent).toEqual([2, 1]);
  });

  it('tells of a batch that failed at the next one, or at the end', async () => {
    const failing = () => new Batches<number>(1, async () => Promise.reject(new Error('no')));
    const first = failing();
    await first.push(1, 1);
    await expect(first.push(2, 1)).rejects.toThrow('no');
    const last = failing();
    await last.push(1, 1);
    await expect(last.finish()).rejects.toThrow('no');
  });
});

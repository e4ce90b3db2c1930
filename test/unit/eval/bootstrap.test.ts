// Intervals of figures: what they are of, and what they must not depend on.
import { expect, it } from 'vitest';
import { estimateDifferences, estimateFigures } from '../../../lib/eval/scores/bootstrap.js';
import type { FigureSpec, ScoredPrompt } from '../../../lib/eval/scores/run-scores.js';

const score: FigureSpec = { key: 'score', title: 'score', group: 'main' };
const prompt = (key: string, sum: number, count = 1, stratum = ''): ScoredPrompt => ({
  key,
  stratum,
  pictures: count,
  tallies: new Map([['score', { sum, count }]]),
});
const options = { draws: 4000, seed: 7 };
const intervalOf = async (prompts: readonly ScoredPrompt[], figures = [score]) =>
  (await estimateFigures(figures, prompts, options)).get('score')?.interval ?? {
    low: Number.NaN,
    high: Number.NaN,
  };

it('is as wide as the binomial has it', async () => {
  const prompts = Array.from({ length: 400 }, (_, i) => prompt(`${i}`, i % 4 === 0 ? 1 : 0));
  const { low, high } = await intervalOf(prompts);
  const error = 1.96 * Math.sqrt((0.25 * 0.75) / 400);
  expect(low).toBeCloseTo(0.25 - error, 2);
  expect(high).toBeCloseTo(0.25 + error, 2);
});

it('covers all that two prompts can give', async () => {
  // A quarter of the draws is 0, a quarter 1.
  expect(await intervalOf([prompt('a', 0), prompt('b', 1)])).toEqual({ low: 0, high: 1 });
});

it('is of prompts, not of pictures: four pictures that are alike tell no more than one', async () => {
  const prompts = (count: number) =>
    Array.from({ length: 50 }, (_, i) => prompt(`${i}`, (i % 3 === 0 ? 1 : 0) * count, count));
  expect(await intervalOf(prompts(4))).toEqual(await intervalOf(prompts(1)));
});

it('does not depend on the order of prompts, and does on the seed', async () => {
  const prompts = Array.from({ length: 60 }, (_, i) => prompt(`${i}`, (i * 37) % 11, 11));
  const shuffled = [...prompts.slice(23), ...prompts.slice(0, 23)].reverse();
  expect(await intervalOf(shuffled)).toEqual(await intervalOf(prompts));
  const other = await estimateFigures([score], prompts, { draws: 4000, seed: 8 });
  expect(other.get('score')?.interval).not.toEqual(await intervalOf(prompts));
});

it('draws within a stratum: a difference between strata makes no interval', async () => {
  const half = (stratum: string, sum: number) =>
    Array.from({ length: 30 }, (_, i) => prompt(`${stratum}${i}`, sum, 1, stratum));
  expect(await intervalOf([...half('a', 0), ...half('b', 1)])).toEqual({ low: 0.5, high: 0.5 });
});

it('counts a mean of figures in each draw, without figures that have nothing', async () => {
  const tallied = (key: string, task: string, sum: number): ScoredPrompt => ({
    key,
    stratum: task,
    pictures: 1,
    tallies: new Map([[task, { sum, count: 1 }]]),
  });
  const figures: readonly FigureSpec[] = [
    { key: 'a', title: 'a', group: 'main' },
    { key: 'b', title: 'b', group: 'main' },
    { key: 'none', title: 'none', group: 'main' },
    { key: 'all', title: 'all', meanOf: ['a', 'b', 'none'], group: 'main' },
  ];
  const prompts = [tallied('1', 'a', 1), tallied('2', 'a', 1), tallied('3', 'b', 0), tallied('4', 'b', 0)];
  const found = await estimateFigures(figures, prompts, { draws: 50, seed: 0 });
  expect(Object.fromEntries(found)).toEqual({
    a: { value: 1, prompts: 2, interval: { low: 1, high: 1 } },
    b: { value: 0, prompts: 2, interval: { low: 0, high: 0 } },
    none: { value: null, prompts: 0 },
    all: { value: 0.5, prompts: 4, interval: { low: 0.5, high: 0.5 } },
  });
});

it('has none without draws', async () => {
  const found = await estimateFigures([score], [prompt('a', 1)], { draws: 0, seed: 0 });
  expect(found.get('score')).toEqual({ value: 1, prompts: 1 });
});

it('of a difference pairs prompts: what is hard for both does not count', async () => {
  const hard = Array.from({ length: 80 }, (_, i) => (i % 2 === 0 ? 0 : 8));
  const first = hard.map((sum, i) => prompt(`${i}`, sum, 10));
  const second = hard.map((sum, i) => prompt(`${i}`, sum + 1, 10));
  const { prompts, differences } = await estimateDifferences([score], second, first, options);
  expect(prompts).toBe(80);
  const { value, interval = { low: 0, high: 0 } } = differences.get('score') ?? {};
  for (const end of [value, interval.low, interval.high]) expect(end).toBeCloseTo(0.1, 12);
  const same = await estimateDifferences([score], first, first, options);
  expect(same.differences.get('score')).toEqual({ value: 0, prompts: 80, interval: { low: 0, high: 0 } });
});

it('of a difference is of the prompts that both have', async () => {
  const first = [prompt('a', 1), prompt('b', 0)];
  const second = [prompt('c', 0), prompt('b', 1)];
  const { prompts, differences } = await estimateDifferences([score], second, first, { draws: 0, seed: 0 });
  expect([prompts, differences.get('score')]).toEqual([1, { value: 1, prompts: 1 }]);
  const none = await estimateDifferences([score], [prompt('x', 1)], first, options);
  expect([none.prompts, none.differences.get('score')]).toEqual([0, { value: null, prompts: 0 }]);
});

it('ends with the signal', async () => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await expect(estimateFigures([score], [prompt('a', 1)], { ...options, signal })).rejects.toBe(reason);
});

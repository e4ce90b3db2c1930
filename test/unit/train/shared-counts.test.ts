import { expect, it } from 'vitest';
import type { Ranks } from '../../../lib/processes/ranks.js';
import { SharedCounts } from '../../../lib/train/shared-counts.js';

/** Processes that meet in one place; the last of them to come gives all their answer. */
function group(size: number): readonly Ranks[] {
  const waiting: { readonly values: unknown; readonly settle: (all: readonly unknown[]) => void }[][] = [];
  const meet = (rank: number, values: unknown): Promise<readonly unknown[]> =>
    new Promise((settle) => {
      const round = waiting.find((arrived) => arrived[rank] === undefined) ?? [];
      if (!waiting.includes(round)) waiting.push(round);
      round[rank] = { values, settle };
      if (Object.keys(round).length < size) return;
      waiting.splice(waiting.indexOf(round), 1);
      for (const one of round) one.settle(round.map((other) => other.values));
    });
  return Array.from({ length: size }, (_, rank) => {
    const sum = async (values: readonly number[]) => {
      const all = (await meet(rank, values)) as readonly (readonly number[])[];
      return values.map((_value, i) => all.reduce((total, each) => total + (each[i] ?? 0), 0));
    };
    const gather = (_name: string, text: string) => meet(rank, text);
    return { sum, gather } as unknown as Ranks;
  });
}

it('are those of all processes, with each bad picture once', async () => {
  const ranks = group(2);
  const counts = ranks.map(() => new SharedCounts());
  const total = () => Promise.all(ranks.map((each, rank) => counts[rank]?.total(each)));
  counts[0]?.addTimes([
    [0.01, 1],
    [0.99, 2],
  ]);
  counts[1]?.addTimes([[0.02, 5]]);
  counts[0]?.addBad(7);
  counts[1]?.addBad(7);
  counts[1]?.addBad(8);
  const [first, second] = await total();
  expect(first).toEqual(second);
  expect(first?.badItems).toBe(2);
  expect(first?.lossByTime).toHaveLength(20);
  expect([first?.lossByTime?.[0], first?.lossByTime?.[10], first?.lossByTime?.[19]]).toEqual([3, null, 2]);
  counts[0]?.addBad(8);
  expect(await total()).toEqual([{ badItems: 2 }, { badItems: 2 }]);
  counts[0]?.addBad(9);
  expect(await total()).toEqual([{ badItems: 3 }, { badItems: 3 }]);
});

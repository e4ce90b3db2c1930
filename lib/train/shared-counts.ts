/** What the processes of a run count each for itself, and what it comes to together. */
import type { Ranks } from '../processes/ranks.js';
import { meansByTime, TIME_BINS, TimeBins } from './time-bins.js';

export interface SharedTotals {
  /** Different pictures that could not be read, since the run began or was resumed. */
  readonly badItems: number;
  /** Loss in equal parts of [0, 1] since the totals before; absent where no process has any. */
  readonly lossByTime?: readonly (number | null)[];
}

export class SharedCounts {
  readonly #bins = new TimeBins();
  /** Of all processes; two may have met the same picture. */
  readonly #bad = new Set<number>();
  #newBad: number[] = [];

  /** Pairs of t and loss of this process's samples. */
  addTimes(samples: readonly (readonly [number, number])[]): void {
    this.#bins.add(samples);
  }

  /** Number of a picture that this process could not read. */
  addBad(index: number): void {
    this.#newBad.push(index);
  }

  /** Called by all processes after the same steps. */
  async total(ranks: Ranks): Promise<SharedTotals> {
    const found = this.#newBad;
    this.#newBad = [];
    const { sums, counts } = this.#bins.take();
    const totals = await ranks.sum([...sums, ...counts, found.length]);
    // The numbers themselves are exchanged only where there are some, which is seldom.
    const isAnyBad = (totals.at(-1) ?? 0) > 0;
    const everyones = isAnyBad ? await ranks.gather('bad pictures', JSON.stringify(found)) : [];
    for (const text of everyones) for (const index of JSON.parse(text) as number[]) this.#bad.add(index);
    const lossByTime = meansByTime(totals.slice(0, TIME_BINS), totals.slice(TIME_BINS, 2 * TIME_BINS));
    const badItems = this.#bad.size;
    return lossByTime.every((mean) => mean === null) ? { badItems } : { badItems, lossByTime };
  }
}

/**
 * How sure the figures of a benchmark are: prompts are drawn anew, with replacement, as often as there are, and every
 * figure is counted again (percentile bootstrap, Efron 1979). Pictures of one prompt stay together, since they are alike.
 */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../abort.js';
import { MersenneTwister } from '../../data/random.js';
import { drawItem, middleOf } from '../resampling.js';
import type { FigureSpec, ScoredPrompt } from './run-scores.js';

/** Between two looks at the signal. */
const DRAWS_AT_ONCE = 200;

export interface BootstrapOptions {
  /** Draws; 0: no intervals. */
  readonly draws: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A figure's value, null where no prompt has any of it; the interval where there were draws. */
export interface Estimate {
  readonly value: number | null;
  readonly interval?: Interval;
  /** That it is of. */
  readonly prompts: number;
}

/**
 * Every figure over the prompts, with its interval. Neither depends on the prompts' order.
 *
 * @throws the signal's reason
 */
export async function estimateFigures(
  figures: readonly FigureSpec[],
  prompts: readonly ScoredPrompt[],
  options: BootstrapOptions,
): Promise<ReadonlyMap<string, Estimate>> {
  const table = new TallyTable(figures, inOrder(prompts));
  const draws = await drawAll(table.strata, options, (weights) => table.values(weights));
  return estimates(figures, table, table.values(), draws);
}

/**
 * Every figure of one run less that of another, over the prompts that both have: in each draw the same prompts for both, so
 * that what makes a prompt hard for both does not count (paired bootstrap).
 *
 * @throws the signal's reason
 */
export async function estimateDifferences(
  figures: readonly FigureSpec[],
  of: readonly ScoredPrompt[],
  minus: readonly ScoredPrompt[],
  options: BootstrapOptions,
): Promise<{ readonly prompts: number; readonly differences: ReadonlyMap<string, Estimate> }> {
  const others = new Map(minus.map((prompt) => [prompt.key, prompt]));
  const shared = inOrder(of.filter(({ key }) => others.has(key)));
  const first = new TallyTable(figures, shared);
  const second = new TallyTable(
    figures,
    shared.map(({ key }) => others.get(key) as ScoredPrompt),
  );
  const difference = (weights?: Float64Array) => {
    const [a, b] = [first.values(weights), second.values(weights)];
    return a.map((value, i) => value - (b[i] ?? Number.NaN));
  };
  const draws = await drawAll(first.strata, options, difference);
  return { prompts: shared.length, differences: estimates(figures, first, difference(), draws) };
}

function inOrder(prompts: readonly ScoredPrompt[]): readonly ScoredPrompt[] {
  return [...prompts].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function estimates(
  figures: readonly FigureSpec[],
  table: TallyTable,
  values: readonly number[],
  draws: readonly (readonly number[])[],
): ReadonlyMap<string, Estimate> {
  return new Map(
    figures.map(({ key }, i): readonly [string, Estimate] => {
      const value = values[i] ?? Number.NaN;
      const prompts = table.promptsOf(i);
      if (Number.isNaN(value)) return [key, { value: null, prompts }];
      const drawn = draws.map((draw) => draw[i] ?? Number.NaN).filter((x) => !Number.isNaN(x));
      if (drawn.length === 0) return [key, { value, prompts }];
      const [low, high] = middleOf(Float64Array.from(drawn).sort());
      return [key, { value, prompts, interval: { low, high } }];
    }),
  );
}

/** Prompts by stratum, as numbers of rows. */
type Strata = readonly (readonly number[])[];

async function drawAll(
  strata: Strata,
  { draws, seed, signal }: BootstrapOptions,
  valuesOf: (weights: Float64Array) => readonly number[],
): Promise<readonly (readonly number[])[]> {
  const generator = new MersenneTwister(seed);
  const weights = new Float64Array(strata.reduce((sum, { length }) => sum + length, 0));
  const drawn: (readonly number[])[] = [];
  for (let draw = 0; draw < draws; draw++) {
    if (draw % DRAWS_AT_ONCE === 0) {
      await setImmediate();
      throwIfAborted(signal);
    }
    weights.fill(0);
    for (const rows of strata) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[drawItem(generator, rows.length)] as number;
        weights[row] = (weights[row] as number) + 1;
      }
    }
    drawn.push(valuesOf(weights));
  }
  return drawn;
}

/** Sums and counts of each figure by prompt. */
class TallyTable {
  readonly strata: Strata;
  readonly #figures: readonly FigureSpec[];
  readonly #sums: readonly Float64Array[];
  readonly #counts: readonly Float64Array[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(figures: readonly FigureSpec[], prompts: readonly ScoredPrompt[]) {
    this.#figures = figures;
    this.#places = new Map(figures.map(({ key }, i) => [key, i]));
    const column = (part: 'sum' | 'count') =>
      figures.map(({ key }) => Float64Array.from(prompts, ({ tallies }) => tallies.get(key)?.[part] ?? 0));
    this.#sums = column('sum');
    this.#counts = column('count');
    const strata = new Map<string, number[]>();
    for (const [row, { stratum }] of prompts.entries()) {
      const rows = strata.get(stratum) ?? [];
      strata.set(stratum, rows);
      rows.push(row);
    }
    this.strata = [...strata.keys()].sort().map((stratum) => strata.get(stratum) ?? []);
  }

  /** Of every figure; not a number where there is nothing to take the mean of. Without weights each prompt counts once. */
  values(weights?: Float64Array): readonly number[] {
    const ratios = this.#figures.map(({ meanOf }, i) => (meanOf === undefined ? this.#ratio(i, weights) : 0));
    return this.#figures.map(({ meanOf }, i) => {
      if (meanOf === undefined) return ratios[i] ?? Number.NaN;
      const parts = meanOf.map((key) => ratios[this.#places.get(key) ?? -1] ?? Number.NaN);
      const known = parts.filter((part) => !Number.isNaN(part));
      return known.reduce((sum, part) => sum + part, 0) / known.length;
    });
  }

  /** Prompts that have a part in a figure. */
  promptsOf(figure: number): number {
    const { meanOf, key } = this.#figures[figure] as FigureSpec;
    const parts = new Set((meanOf ?? [key]).map((part) => this.#counts[this.#places.get(part) ?? -1]));
    const rows = this.#counts[0]?.length ?? 0;
    let prompts = 0;
    for (let row = 0; row < rows; row++) {
      if ([...parts].some((counts) => (counts?.[row] ?? 0) > 0)) prompts++;
    }
    return prompts;
  }

  #ratio(figure: number, weights: Float64Array | undefined): number {
    const [sums, counts] = [this.#sums[figure] as Float64Array, this.#counts[figure] as Float64Array];
    let [sum, count] = [0, 0];
    for (let row = 0; row < sums.length; row++) {
      const weight = weights === undefined ? 1 : (weights[row] as number);
      sum += weight * (sums[row] as number);
      count += weight * (counts[row] as number);
    }
    return count === 0 ? Number.NaN : sum / count;
  }
}

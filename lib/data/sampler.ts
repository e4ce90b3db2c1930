/** Which item a rank trains on at which step: a function of the seed alone, so that a resumed run goes on unchanged. */
import { SvgT2IError } from '../errors.js';
import { randomPermutation } from './random.js';

export interface SamplerOptions {
  /** Number of items in the data set. */
  readonly items: number;
  readonly rank: number;
  readonly worldSize: number;
  /** Items of one optimiser step over all ranks. */
  readonly globalBatch: number;
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** First step that is still to do. */
  readonly resumeStep?: number;
  readonly seed: number;
}

/**
 * The item indices of one rank from `resumeStep` to the end of the run, in order.
 *
 * Epoch e is a permutation seeded seed + e, of which a rank takes every worldSize-th item. Its first item moves on
 * by worldSize - items % worldSize an epoch, so that the remainder of an uneven split goes round the ranks.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function* sampleOrder(options: SamplerOptions): Generator<number, void, undefined> {
  const { items, rank, worldSize, globalBatch, steps, seed } = options;
  checkOptions(options);
  const itemsUntil = (step: number) => Math.floor((step * globalBatch) / worldSize);
  const total = itemsUntil(steps);
  const first = itemsUntil(options.resumeStep ?? 0);
  let drawn = 0;
  let offset = 0;
  for (let epoch = 0; drawn < total; epoch++) {
    const start = (rank + offset) % worldSize;
    const available = Math.max(0, Math.ceil((items - start) / worldSize));
    // A finished epoch of a resumed run needs no permutation.
    if (drawn + available > first) {
      const order = randomPermutation(items, seedOfEpoch(seed, epoch));
      for (let i = start; i < items && drawn < total; i += worldSize) {
        if (drawn++ >= first) yield order[i] as number;
      }
    } else {
      drawn += available;
    }
    offset = (offset + worldSize - (items % worldSize)) % worldSize;
  }
}

/** seed + epoch; behind the largest seed comes 0. */
function seedOfEpoch(seed: number, epoch: number): number {
  const room = Number.MAX_SAFE_INTEGER - epoch;
  return seed > room ? seed - room - 1 : seed + epoch;
}

function checkOptions(options: SamplerOptions): void {
  const integers = {
    items: options.items,
    worldSize: options.worldSize,
    globalBatch: options.globalBatch,
    steps: options.steps,
    rank: options.rank,
    resumeStep: options.resumeStep ?? 0,
  };
  for (const [name, value] of Object.entries(integers)) {
    const least = name === 'items' || name === 'worldSize' || name === 'globalBatch' ? 1 : 0;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `${name} must be an integer of at least ${least}, not ${value}`,
      );
    }
  }
  if (options.rank >= options.worldSize) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `rank ${options.rank} is outside a world of ${options.worldSize}`,
    );
  }
}

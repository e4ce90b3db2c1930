/** Which pictures one process trains on, each with its number in the order of the whole run. */
import { sampleOrder } from '../data/sampler.js';

export interface OrderedItem {
  /** Number of the sample over all processes and steps: everything random about it comes from the seed and this. */
  readonly draw: number;
  /** Number of the picture in the dataset. */
  readonly index: number;
}

export interface OrderOptions {
  readonly items: number;
  readonly rank: number;
  readonly worldSize: number;
  readonly globalBatch: number;
  readonly steps: number;
  /** Steps that are done already. */
  readonly firstStep: number;
  readonly seed: number;
}

/** Step s draws the samples s * globalBatch and on, whatever the number of processes; they take turns. */
export function* orderedItems(options: OrderOptions): Generator<OrderedItem, void, undefined> {
  const { rank, worldSize, globalBatch, firstStep } = options;
  let draw = firstStep * globalBatch + rank;
  for (const index of sampleOrder({ ...options, resumeStep: firstStep })) {
    yield { draw, index };
    draw += worldSize;
  }
}

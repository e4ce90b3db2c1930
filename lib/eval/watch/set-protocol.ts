/** How metrics of sets are counted on the few pictures of a watch. */
import type { Protocol } from '../../config/eval/measure.js';

const KID_SUBSETS = 100;
const KID_SUBSET_SIZE = 1000;
/** Below so many pictures a split, an Inception Score says little of any of them. */
const LEAST_OF_SPLIT = 100;
const USUAL_SPLITS = 10;
const SEED = 2020;

/** torch-fidelity's, with subsets and splits that the smaller of the sets, of `count` pictures, has room for. */
export function setProtocol(count: number): Protocol {
  return {
    protocol: 'torch-fidelity',
    splits: Math.max(1, Math.min(USUAL_SPLITS, Math.floor(count / LEAST_OF_SPLIT))),
    kidSubsets: KID_SUBSETS,
    kidSubsetSize: Math.min(KID_SUBSET_SIZE, count),
    neighbours: 3,
    seed: SEED,
  };
}

/** How the processes of a run share its work, as `train-open` reads it. */
import type { TrainingConfig } from '../config/train.js';
import type { JsonValue } from '../engine.js';

export function parallelRequest(
  { parallel }: TrainingConfig,
  worldSize: number,
): { readonly parallel?: JsonValue } {
  if (worldSize === 1) return {};
  return { parallel: { mode: parallel.mode, bucketBytes: parallel.bucketMiB * 1024 * 1024 } };
}

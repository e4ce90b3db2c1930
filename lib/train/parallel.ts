/** How the processes of a run share its work, as `train-open` reads it. */
import type { TrainingConfig } from '../config/train.js';
import type { TrainOpenRequest } from '../native/training-jobs.js';

export function parallelRequest(
  { parallel }: TrainingConfig,
  worldSize: number,
): Pick<TrainOpenRequest, 'parallel'> {
  if (worldSize === 1) return {};
  return { parallel: { mode: parallel.mode, bucketBytes: parallel.bucketMiB * 1024 * 1024 } };
}

/** The engine's `train-open` of the diffusion transformer. */
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { DitOpenRequest } from '../native/training-jobs.js';
import { parallelRequest } from './parallel.js';

export function ditOpenRequest(
  config: DitTrainingConfig,
  found: {
    /** File of weights to begin with. */
    readonly start?: string | undefined;
    readonly worldSize: number;
    /** Shards of a feature cache. */
    readonly cache?: readonly string[] | undefined;
    readonly plain?: boolean | undefined;
  },
): DitOpenRequest {
  return {
    stage: 'dit',
    model: config.model,
    ...(found.start === undefined ? {} : { start: { path: found.start } }),
    optimizer: config.optimizer,
    ema: config.ema,
    precision: config.precision,
    activationCheckpointing: config.activationCheckpointing,
    seed: config.seed,
    cache: found.cache,
    losses: found.plain === true ? 'plain' : 'flow-matching',
    ...parallelRequest(config, found.worldSize),
  };
}

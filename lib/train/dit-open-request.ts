/** The engine's `train-open` of the diffusion transformer. */
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { JsonValue } from '../engine.js';
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
): JsonValue {
  const { lr, betas, eps, weightDecay, gradClip } = config.optimizer;
  return {
    stage: 'dit',
    model: config.model,
    ...(found.start === undefined ? {} : { start: { path: found.start } }),
    optimizer: { lr, beta1: betas[0], beta2: betas[1], eps, weightDecay },
    gradClip,
    emaDecay: config.ema.decay,
    emaWarmup: config.ema.warmup,
    precision: config.precision,
    checkpointing: config.activationCheckpointing,
    seed: config.seed,
    ...(found.cache === undefined ? {} : { cache: found.cache }),
    ...(found.plain === true ? { plain: true } : {}),
    ...parallelRequest(config, found.worldSize),
  };
}

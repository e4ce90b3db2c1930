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
    /** Pixels of a cell and side. */
    readonly cellPixels: number;
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
    activationCheckpointing: activations(config, found),
    seed: config.seed,
    cache: found.cache,
    losses: found.plain === true ? 'plain' : 'flow-matching',
    ...parallelRequest(config, found.worldSize),
  };
}

/** Sizes of several aspects have about the area of the square one. */
function activations(
  { activationCheckpointing: mode, activationMemory, batch, captions, data, model }: DitTrainingConfig,
  { worldSize, cellPixels }: { readonly worldSize: number; readonly cellPixels: number },
): DitOpenRequest['activationCheckpointing'] {
  const side = Math.ceil(data.resolution / cellPixels);
  return {
    mode,
    pictures: batch.micro ?? Math.ceil(batch.global / worldSize),
    rows: side,
    columns: side,
    tokens: model.kind === 'svg' ? 0 : captions.maxTokens,
    ...(activationMemory === undefined ? {} : { limitBytes: Math.round(activationMemory * 1e9) }),
  };
}

/** The engine's `train-open` of an autoencoder. */
import { type AutoencoderTrainingConfig, latentChannels } from '../config/train-autoencoder.js';
import type { AutoencoderOpenRequest } from '../native/training-jobs.js';
import { parallelRequest } from './parallel.js';

export function autoencoderOpenRequest(
  config: AutoencoderTrainingConfig,
  found: {
    /** File of weights to begin with. */
    readonly start?: string | undefined;
    readonly worldSize: number;
    readonly plain?: boolean | undefined;
  },
): AutoencoderOpenRequest {
  const { model, encoder } = config;
  const { lpips, ...loss } = config.loss;
  return {
    stage: 'autoencoder',
    model: {
      encoder: model.encoder,
      decoder: { ...model.decoder, z_channels: latentChannels(model) },
      ...(model.residual === null ? {} : { residual: model.residual }),
    },
    ...(found.start === undefined ? {} : { start: { path: found.start } }),
    ...(encoder.weights === undefined ? {} : { encoder: { path: encoder.weights } }),
    trainEncoder: encoder.train,
    freezeResidual: config.freezeResidual,
    maskRatio: config.maskRatio,
    latentNoise: config.latentNoise,
    ...(lpips === undefined ? {} : { lpips: { path: lpips } }),
    loss: { ...loss, perceptualWeight: lpips === undefined ? 0 : loss.perceptualWeight },
    optimizer: config.optimizer,
    ema: config.ema,
    precision: config.precision,
    seed: config.seed,
    losses: found.plain === true ? 'plain' : 'usual',
    ...parallelRequest(config, found.worldSize),
  };
}

/** The engine's `train-open` of an autoencoder. */
import { type AutoencoderTrainingConfig, latentChannels } from '../config/train-autoencoder.js';
import type { JsonValue } from '../engine.js';
import { parallelRequest } from './parallel.js';

export function autoencoderOpenRequest(
  config: AutoencoderTrainingConfig,
  found: {
    /** File of weights to begin with. */
    readonly start?: string | undefined;
    readonly worldSize: number;
    readonly plain?: boolean | undefined;
  },
): JsonValue {
  const { model, encoder, loss, optimizer } = config;
  const { lr, betas, eps, weightDecay, gradClip } = optimizer;
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
    ...(loss.lpips === undefined ? {} : { lpips: { path: loss.lpips } }),
    loss: {
      pixel: loss.pixel,
      perceptual_weight: loss.lpips === undefined ? 0 : loss.perceptualWeight,
      disc_weight: loss.discWeight,
      disc_factor: loss.discFactor,
      disc_start: loss.discStart,
      disc_loss: loss.discLoss,
      logvar: loss.logvar,
    },
    optimizer: { lr, beta1: betas[0], beta2: betas[1], eps, weightDecay },
    gradClip,
    emaDecay: config.ema.decay,
    emaWarmup: config.ema.warmup,
    precision: config.precision,
    seed: config.seed,
    ...(found.plain === true ? { plain: true } : {}),
    ...parallelRequest(config, found.worldSize),
  };
}

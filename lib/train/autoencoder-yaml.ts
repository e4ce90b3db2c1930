/** The yaml beside an autoencoder's weights, as the original writes and `sample` reads it. */
import { basename } from 'node:path';
import { type AutoencoderTrainingConfig, latentChannels } from '../config/train-autoencoder.js';

/** Paths in a release's folder, with the original's hyphens and underscores. */
export function autoencoderNames(config: AutoencoderTrainingConfig): {
  readonly checkpoint: string;
  readonly yaml: string;
} {
  const kind = config.model.residual === null ? 'P' : 'R';
  return {
    checkpoint: `autoencoder/svg_autoencoder-${kind}.ckpt`,
    yaml: `autoencoder/svg_autoencoder_${kind}.yaml`,
  };
}

export function autoencoderYaml(config: AutoencoderTrainingConfig): object {
  const { model, encoder, data } = config;
  return {
    model: {
      target: 'ldm.models.dinov3_decoder_native_resolution.DinoDecoder',
      params: {
        ckpt_path: `pre-trained/${autoencoderNames(config).checkpoint}`,
        ddconfig: {
          double_z: true,
          z_channels: latentChannels(model),
          resolution: data.resolution,
          in_channels: 3,
          out_ch: 3,
          ...model.decoder,
          attn_resolutions: [],
          dropout: 0,
        },
        dinoconfig: {
          model_name: model.encoder.arch ?? 'custom',
          weights: encoder.weights === undefined ? null : `pre-trained/${basename(encoder.weights)}`,
        },
        extra_vit_config:
          model.residual === null
            ? null
            : {
                output_dim: model.residual.output_dim,
                use_outnorm: model.residual.align_distribution,
                vit_type: 'rope-s',
              },
      },
    },
  };
}

/** A trained autoencoder in the release's layout: weights and the yaml that describes them. */
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { encoderKind } from '../config/encoder-model.js';
import { cellPixelsOf } from '../config/latent-grid.js';
import { type AutoencoderTrainingConfig, latentChannels } from '../config/train-autoencoder.js';
import type { Engine } from '../engine.js';
import { ENCODERS } from '../facts.js';
import { makeFolder, writeDurably } from '../files.js';
import type { ExportOptions } from './export-types.js';

/** Averages only where some are kept. */
export function publishedWeights(config: AutoencoderTrainingConfig): 'ema' | 'raw' {
  return config.ema.decay > 0 ? 'ema' : 'raw';
}

/** Writes autoencoder/svg_autoencoder-KIND-NAME.ckpt (or .safetensors) and .yaml, the latter with the original's underscores. */
export async function exportAutoencoder(
  engine: Engine,
  config: AutoencoderTrainingConfig,
  options: ExportOptions & { readonly folder: string },
): Promise<readonly string[]> {
  const kind = config.model.residual === null ? 'P' : 'R';
  const name = options.name.replace(/^svg_autoencoder[-_][PR][-_]/, '');
  const { dtype = 'fp32', format } = options;
  const isTorch = format !== 'safetensors';
  const file = `autoencoder/svg_autoencoder-${kind}-${name}.${isTorch ? 'ckpt' : 'safetensors'}`;
  const checkpoint = join(options.folder, file);
  if (options.isFirst) await makeFolder(join(options.folder, 'autoencoder'));
  const weights = publishedWeights(config);
  const nesting = isTorch ? { nesting: 'state_dict' } : {};
  await engine.run('train-export', { path: checkpoint, weights, dtype, ...nesting });
  await options.settle?.();
  if (!options.isFirst) return [];
  const yaml = join(options.folder, `autoencoder/svg_autoencoder_${kind}_${name}.yaml`);
  await writeDurably(yaml, stringify(autoencoderYaml(config, `pre-trained/${file}`)));
  return [checkpoint, yaml];
}

/** As the original writes and `sample` reads it. */
function autoencoderYaml(config: AutoencoderTrainingConfig, checkpoint: string): object {
  const { model } = config;
  return {
    model: {
      target: isOfSvg(config)
        ? 'ldm.models.dino_decoder.DinoDecoder'
        : TARGETS[ENCODERS[encoderKind(model.encoder)].yamlKey],
      params: {
        ckpt_path: checkpoint,
        ...(isOfSvg(config) ? lossYaml(config) : {}),
        ...decoderYaml(config),
        ...encoderYaml(config),
        extra_vit_config: residualYaml(config),
      },
    },
  };
}

/** The original's class for each key of an encoder; its one for DINOv2 is not published. */
const TARGETS = {
  dinoconfig: 'ldm.models.dinov3_decoder_native_resolution.DinoDecoder',
  siglipconfig: 'ldm.models.siglip2_decoder.SigLipv2Decoder',
  maeconfig: 'ldm.models.mae_decoder.MaeDecoder',
};

/** Read by SVG's own code, which comes before SVG-T2I's and wants more keys. */
function isOfSvg({ model }: AutoencoderTrainingConfig): boolean {
  return model.residual?.kind === 'torchvision';
}

/** Its constructor takes no autoencoder without; nothing that it draws depends on them. */
function lossYaml({ loss }: AutoencoderTrainingConfig): object {
  return {
    embed_dim: 32,
    lossconfig: {
      target: 'ldm.modules.losses.LPIPSWithDiscriminatorDecoder',
      params: { disc_start: loss.discStart, disc_weight: loss.discWeight },
    },
  };
}

/** SVG's own files name no type. */
function residualYaml({ model: { residual }, maskRatio }: AutoencoderTrainingConfig): object | null {
  if (residual === null) return null;
  const { kind = 'rope', output_dim, align_distribution: use_outnorm } = residual;
  if (kind === 'torchvision') return { output_dim, mask_ratio: maskRatio, use_outnorm };
  return { output_dim, use_outnorm, vit_type: 'vit-rope-s' };
}

function encoderYaml(config: AutoencoderTrainingConfig): object {
  const { model, encoder } = config;
  const kind = encoderKind(model.encoder);
  const { yamlKey } = ENCODERS[kind];
  const weights = encoder.weights === undefined ? null : `pre-trained/${basename(encoder.weights)}`;
  return {
    [yamlKey]: {
      model_name: model.encoder.arch ?? 'custom',
      // Two kinds share a key, and a model of one's own has no name to tell them apart by.
      ...(model.encoder.arch === undefined ? { kind } : {}),
      weights,
      // A clone of facebookresearch/dinov3, which is not of a release: to be set where it is used.
      ...(isOfSvg(config) && yamlKey === 'dinoconfig' ? { dinov3_location: 'dinov3' } : {}),
      ...(yamlKey === 'siglipconfig' ? { siglip_location: weights } : {}),
    },
  };
}

/** The original has one of the two and null for the other. */
function decoderYaml(config: AutoencoderTrainingConfig): object {
  const { model, data } = config;
  const { kind = 'conv', ...decoder } = model.decoder as { readonly kind?: string };
  const z_channels = latentChannels(model);
  if (kind === 'hunyuan') {
    return { ddconfig: null, hyconfig: { ...decoder, out_channels: 3, z_channels, ffactor_temporal: 1 } };
  }
  return {
    ddconfig: {
      double_z: true,
      z_channels,
      resolution: data.resolution,
      in_channels: 3,
      out_ch: 3,
      ...decoder,
      // SVG's code gives the latent's level attention by this list, SVG-T2I's always.
      attn_resolutions: isOfSvg(config) ? [data.resolution / cellPixelsOf(model.decoder)] : [],
      dropout: 0,
    },
  };
}

/** Reads an autoencoder's yaml as the original writes it: `model.params` with dimensions and two weight paths. */
import { z } from 'zod';
import { validate } from '../config/validate.js';
import { MAX_YAML_BYTES, parseYaml } from '../config/yaml.js';
import { readTextSync } from '../regular-file.js';

// Loose: the yaml also holds training settings, and names of Python classes that mean nothing here.
const paramsSchema = z.looseObject({
  ckpt_path: z.string().nullish(),
  num_layer: z.number().int().default(-1),
  ddconfig: z.looseObject({
    z_channels: z.number().int().positive(),
    ch: z.number().int().positive(),
    ch_mult: z.array(z.number().int().positive()).min(1),
    num_res_blocks: z.number().int().nonnegative(),
    out_ch: z.number().int().positive().default(3),
  }),
  dinoconfig: z.looseObject({ model_name: z.string().optional(), weights: z.string().nullish() }).nullish(),
  extra_vit_config: z
    .looseObject({ output_dim: z.number().int().positive(), use_outnorm: z.boolean().default(false) })
    .nullish(),
});
const fileSchema = z.looseObject({ model: z.looseObject({ params: paramsSchema }) });

export interface AutoencoderConfig {
  /** As written in the yaml, not yet resolved. */
  readonly checkpoint: string | undefined;
  readonly encoder: string | undefined;
  readonly encoderName: string | undefined;
  /** Row of the feature statistics. */
  readonly statisticsLayer: number;
  readonly latentChannels: number;
  readonly decoder: {
    readonly ch: number;
    readonly ch_mult: readonly number[];
    readonly num_res_blocks: number;
    readonly out_ch: number;
  };
  /** Autoencoder-R has a residual branch, Autoencoder-P has none. */
  readonly residual: { readonly output_dim: number; readonly align_distribution: boolean } | null;
}

export function readAutoencoderConfig(path: string): AutoencoderConfig {
  const tree = parseYaml(readTextSync(path, { maxBytes: 16 * MAX_YAML_BYTES }), path);
  const { params } = validate(fileSchema, tree, { source: path }).model;
  const { ddconfig, dinoconfig, extra_vit_config: residual } = params;
  return {
    checkpoint: params.ckpt_path ?? undefined,
    encoder: dinoconfig?.weights ?? undefined,
    encoderName: dinoconfig?.model_name,
    statisticsLayer: params.num_layer,
    latentChannels: ddconfig.z_channels,
    decoder: {
      ch: ddconfig.ch,
      ch_mult: ddconfig.ch_mult,
      num_res_blocks: ddconfig.num_res_blocks,
      out_ch: ddconfig.out_ch,
    },
    residual: residual ? { output_dim: residual.output_dim, align_distribution: residual.use_outnorm } : null,
  };
}

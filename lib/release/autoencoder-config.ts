/** Reads an autoencoder's yaml as the original writes it: `model.params` with dimensions and two weight paths. */
import { z } from 'zod';
import { type EncoderKindName, encoderKind } from '../config/encoder-model.js';
import { cellPixelsOf } from '../config/latent-grid.js';
import { validate } from '../config/validate.js';
import { MAX_YAML_BYTES, parseYaml } from '../config/yaml.js';
import { ENCODERS, RESIDUALS } from '../facts.js';
import { readTextSync } from '../regular-file.js';

// Loose: the yaml also holds training settings, and names of Python classes that mean nothing here.
const size = () => z.number().int().positive();
/** Options of latent-diffusion's decoder that change what it draws, and that no published model has. */
const never = () =>
  z
    .boolean()
    .refine((on) => !on, {
      error: 'a decoder with it cannot be read',
      params: {
        hint: 'No published decoder has it. Leave it as it is: these weights draw other pictures without it.',
      },
    })
    .nullish();
const convSchema = z.looseObject({
  z_channels: size(),
  ch: size(),
  ch_mult: z.array(size()).min(1),
  num_res_blocks: z.number().int().nonnegative(),
  out_ch: size().default(3),
  tanh_out: never(),
  give_pre_end: never(),
  use_linear_attn: never(),
});
const hunyuanSchema = z.looseObject({
  z_channels: size(),
  block_out_channels: z.array(size()).min(1),
  num_res_blocks: z.number().int().nonnegative(),
  ffactor_spatial: size(),
  ffactor_temporal: size().default(1),
  out_channels: size().default(3),
  upsample_match_channel: z.boolean().default(true),
});
const RESIDUAL_KINDS = Object.keys(RESIDUALS) as readonly ResidualKindName[];
const ENCODER_KINDS = Object.keys(ENCODERS) as [EncoderKindName];
/** The original's yaml for SigLIP2 has a folder in place of weights; `kind` is ours, for models without a name. */
const encoderSchema = z.looseObject({
  kind: z.enum(ENCODER_KINDS).optional().catch(undefined),
  model_name: z.string().optional(),
  weights: z.string().nullish(),
  siglip_location: z.string().nullish(),
});
const paramsSchema = z
  .looseObject({
    ckpt_path: z.string().nullish(),
    num_layer: z.number().int().default(-1),
    ddconfig: convSchema.nullish(),
    hyconfig: hunyuanSchema.nullish(),
    dinoconfig: encoderSchema.nullish(),
    siglipconfig: encoderSchema.nullish(),
    maeconfig: encoderSchema.nullish(),
    extra_vit_config: z
      .looseObject({
        output_dim: z.number().int().positive(),
        use_outnorm: z.boolean().default(false),
        vit_type: z
          .string()
          .refine((type) => type === '' || residualKindOf(type) !== undefined, {
            error: `is no residual branch that is read: known are ${residualTypes().join(', ')}; without it the weights tell`,
          })
          .nullish(),
      })
      .nullish(),
  })
  .superRefine(({ ddconfig, hyconfig }, context) => {
    if (ddconfig && hyconfig) {
      context.addIssue({
        code: 'custom',
        message: 'has both ddconfig and hyconfig: an autoencoder has one decoder',
      });
    } else if (!ddconfig && !hyconfig) {
      context.addIssue({
        code: 'custom',
        message: 'needs ddconfig or hyconfig, the dimensions of the decoder',
      });
    }
  });
/** SVG's own files have the checkpoint's path at the top. */
const fileSchema = z.looseObject({
  ckpt_path: z.string().nullish(),
  model: z.looseObject({ params: paramsSchema }),
});

export type ResidualKindName = keyof typeof RESIDUALS;

export type DecoderDimensions = Readonly<Record<string, string | number | boolean | readonly number[]>> & {
  /** Of the engine's catalogue: what ddconfig and hyconfig describe. */
  readonly kind: 'conv' | 'hunyuan';
};

export interface AutoencoderConfig {
  /** As written in the yaml, not yet resolved. */
  readonly checkpoint: string | undefined;
  /** Whether that is only where its maker had it: SVG's files have it at their top, or none. */
  readonly isCheckpointLoose: boolean;
  readonly encoder: string | undefined;
  /** By the yaml's key for it and the name of the model there. */
  readonly encoderKind: EncoderKindName;
  /** Such as dinov3_vits16plus. */
  readonly encoderName?: string;
  /** Row of the feature statistics. */
  readonly statisticsLayer: number;
  readonly latentChannels: number;
  /** Pixels a side of one cell of the latent. */
  readonly cellPixels: number;
  /** Dimensions under the engine's keys. */
  readonly decoder: DecoderDimensions;
  /** Autoencoder-R has a residual branch, Autoencoder-P has none. */
  readonly residual: {
    /** By `vit_type`; undefined where the yaml has none, as SVG's own: the weights say. */
    readonly kind?: ResidualKindName;
    readonly output_dim: number;
    readonly align_distribution: boolean;
  } | null;
}

export function readAutoencoderConfig(path: string): AutoencoderConfig {
  const tree = parseYaml(readTextSync(path, { maxBytes: 16 * MAX_YAML_BYTES }), path);
  const {
    ckpt_path: checkpoint,
    model: { params },
  } = validate(fileSchema, tree, { source: path });
  const { extra_vit_config: residual } = params;
  const encoder = encoderOf(params);
  const decoder = decoderOf(params);
  return {
    checkpoint: params.ckpt_path ?? checkpoint ?? undefined,
    isCheckpointLoose: (params.ckpt_path ?? undefined) === undefined,
    encoder: encoder.weights ?? undefined,
    encoderKind: encoder.kind,
    ...(encoder.name === undefined ? {} : { encoderName: encoder.name }),
    statisticsLayer: params.num_layer,
    latentChannels: (params.hyconfig ?? params.ddconfig)?.z_channels ?? 0,
    cellPixels: cellPixelsOf(decoder),
    decoder,
    residual: residual ? residualOf(residual) : null,
  };
}

function residualOf(
  given: NonNullable<z.output<typeof paramsSchema>['extra_vit_config']>,
): NonNullable<AutoencoderConfig['residual']> {
  const { output_dim, use_outnorm: align_distribution, vit_type } = given;
  const kind = vit_type ? residualKindOf(vit_type) : undefined;
  return { ...(kind === undefined ? {} : { kind }), output_dim, align_distribution };
}

function residualKindOf(type: string): ResidualKindName | undefined {
  return RESIDUAL_KINDS.find((name) => Object.hasOwn(RESIDUALS[name].presets, type));
}

function residualTypes(): readonly string[] {
  return RESIDUAL_KINDS.flatMap((name) => Object.keys(RESIDUALS[name].presets));
}

function encoderOf(params: z.output<typeof paramsSchema>): {
  readonly kind: EncoderKindName;
  readonly name?: string | undefined;
  readonly weights: string | null | undefined;
} {
  for (const kind of ENCODER_KINDS) {
    const { yamlKey } = ENCODERS[kind];
    const part = params[yamlKey];
    if (!part) continue;
    // DINOv2 stands under DINOv3's key, told apart by its name.
    const named = encoderKind({ kind: part.kind, arch: part.model_name });
    const weights = part.weights ?? part.siglip_location;
    return { kind: ENCODERS[named].yamlKey === yamlKey ? named : kind, name: part.model_name, weights };
  }
  return { kind: 'dinov3', weights: undefined };
}

function decoderOf({ ddconfig, hyconfig }: z.output<typeof paramsSchema>): DecoderDimensions {
  if (hyconfig) {
    const { block_out_channels, num_res_blocks, ffactor_spatial, ffactor_temporal, out_channels } = hyconfig;
    const { upsample_match_channel } = hyconfig;
    return {
      kind: 'hunyuan',
      block_out_channels,
      num_res_blocks,
      ffactor_spatial,
      ffactor_temporal,
      out_channels,
      upsample_match_channel,
    };
  }
  const { ch = 0, ch_mult = [], num_res_blocks = 0, out_ch = 3 } = ddconfig ?? {};
  return { kind: 'conv', ch, ch_mult, num_res_blocks, out_ch };
}

/** Frozen encoders as a configuration names them: by a published size, or by a kind and its dimensions. */
import { z } from 'zod';
import { ENCODERS } from '../facts.js';

export type EncoderKindName = keyof typeof ENCODERS;

/** What a kind is described by beside embed_dim, depth and num_heads, and where its weights are to be had. */
const KEYS: Readonly<Record<EncoderKindName, readonly (keyof EncoderModel)[]>> = {
  dinov3: ['ffn_layer', 'ffn_ratio', 'n_storage_tokens'],
  dinov2: ['ffn_layer', 'ffn_ratio', 'num_register_tokens', 'image_size', 'patch_size'],
  siglip2: ['intermediate_size', 'image_size', 'patch_size'],
  mae: ['ffn_ratio', 'image_size', 'patch_size'],
};
export const ENCODER_SOURCES: Readonly<Record<EncoderKindName, string>> = {
  dinov3: 'facebookresearch/dinov3 or facebook/dinov3-vits16plus-pretrain-lvd1689m',
  dinov2: 'facebookresearch/dinov2 or facebook/dinov2-base and its like',
  siglip2: 'google/siglip2-base-patch16-256 and its like',
  mae: 'facebookresearch/mae (mae_pretrain_vit_base.pth and its like) or facebook/vit-mae-base',
};

const KINDS = Object.keys(ENCODERS) as [EncoderKindName];
const WIDTHS: Readonly<Record<string, number>> = Object.assign(
  {},
  ...KINDS.map((kind) => ENCODERS[kind].presets),
);

/** Of one head where files do not say how many there are. */
const HEAD_CHANNELS = 64;

const size = () => z.number().int().min(1).max(1_000_000);

export const encoderModelSchema = z
  .strictObject({
    kind: z
      .enum(KINDS)
      .optional()
      .describe('of an encoder that is described by its dimensions; dinov3 where not given'),
    arch: z
      .enum(Object.keys(WIDTHS) as [string])
      .optional()
      .describe('a published encoder, in place of its dimensions'),
    embed_dim: size().optional(),
    depth: size().optional(),
    num_heads: size().optional(),
    ffn_layer: z.enum(['mlp', 'swiglu', 'swiglu32', 'swiglu64', 'swiglu128']).optional(),
    ffn_ratio: z.number().positive().optional(),
    intermediate_size: size().optional().describe('siglip2: width of the feed-forward layers'),
    n_storage_tokens: z.number().int().min(0).optional().describe('dinov3: register tokens'),
    num_register_tokens: z.number().int().min(0).optional().describe('dinov2: register tokens'),
    image_size: size()
      .optional()
      .describe('dinov2, siglip2, mae: pixels a side of the square whose positions are stored'),
    patch_size: size()
      .optional()
      .describe(
        'dinov2, siglip2, mae: pixels a side of a patch; pictures are resized so that a patch is a latent cell',
      ),
  })
  .superRefine((encoder, context) => {
    const refuse = (message: string, path: readonly string[] = [], input: unknown = undefined) =>
      context.addIssue({ code: 'custom', message, path: [...path], input });
    const { kind: given, arch, embed_dim, depth, num_heads, ...others } = encoder;
    const isWhole = embed_dim !== undefined && depth !== undefined && num_heads !== undefined;
    if ((arch === undefined) !== isWhole) refuse('needs either arch, or embed_dim, depth and num_heads');
    const kind = encoderKind(encoder);
    if (given !== undefined && given !== kind) refuse(`is ${kind}, of which arch is one`, ['kind'], given);
    const known: readonly string[] = KEYS[kind];
    for (const [key, value] of Object.entries(others)) {
      if (value === undefined || known.includes(key)) continue;
      refuse(`is no key of encoder ${kind}`, [key], value);
    }
    if (kind === 'dinov3') return;
    if (arch !== undefined && Object.values(others).some((value) => value !== undefined)) {
      refuse(`has its dimensions from arch ${arch}: leave the others out`);
    }
    if (isWhole && embed_dim !== HEAD_CHANNELS * num_heads) {
      refuse(
        `must be ${HEAD_CHANNELS} for each of num_heads, since files do not tell`,
        ['embed_dim'],
        embed_dim,
      );
    }
    if (kind === 'dinov2' && encoder.ffn_layer !== undefined && !/^(mlp|swiglu)$/.test(encoder.ffn_layer)) {
      refuse('is mlp or swiglu in dinov2', ['ffn_layer'], encoder.ffn_layer);
    }
    const { image_size = Number.POSITIVE_INFINITY, patch_size = kind === 'dinov2' ? 14 : 16 } = encoder;
    if (image_size < patch_size)
      refuse(`must hold a patch of ${patch_size} pixels`, ['image_size'], image_size);
  });

export type EncoderModel = z.output<typeof encoderModelSchema>;

/** By kind, else by the published size that `arch` names, else DINOv3: as the engine's catalogue looks for it. */
export function encoderKind({ kind, arch }: Partial<Pick<EncoderModel, 'kind' | 'arch'>>): EncoderKindName {
  if (arch !== undefined) {
    return KINDS.find((name) => Object.hasOwn(ENCODERS[name].presets, arch)) ?? kind ?? 'dinov3';
  }
  return kind ?? 'dinov3';
}

/** Channels of its features. */
export function encoderChannels({ embed_dim, arch }: EncoderModel): number {
  return embed_dim ?? (arch === undefined ? 0 : (WIDTHS[arch] ?? 0));
}

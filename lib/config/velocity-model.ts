/** The dimensions of a diffusion transformer, as model_args.json and configurations of training say them. */
import { z } from 'zod';
import { VELOCITY_MODELS } from '../facts.js';
import { svgModelSchema } from './class-dit.js';
import { defined, keysOf } from './defined.js';

/** Dimensions under the names of the original's arguments. */
const PRESETS = VELOCITY_MODELS['next-dit'].presets;
/** Where nothing is said. */
const USUAL = PRESETS['2B'];

const size = () => z.number().int().min(1).max(1_000_000);
const axes = () => z.tuple([size(), size(), size()]);

const ditModelSchema = z
  .strictObject({
    kind: z.literal('next-dit').optional().describe('that of SVG-T2I, which draws from text'),
    preset: z.enum(keysOf(PRESETS)).optional().describe('published dimensions; the keys below change some'),
    patch_size: size().default(USUAL.patch_size).describe('latent cells a side of one token'),
    in_channels: size().default(USUAL.in_channels).describe('channels of a latent'),
    dim: size().optional().describe('width'),
    n_layers: size().optional().describe('blocks'),
    n_refiner_layers: z
      .number()
      .int()
      .min(0)
      .default(USUAL.n_refiner_layers)
      .describe('refiner blocks of the image and of the caption'),
    n_heads: size().optional(),
    n_kv_heads: size().optional(),
    multiple_of: size().default(256).describe('the feed-forward width is rounded up to it'),
    ffn_dim_multiplier: z.number().positive().optional(),
    norm_eps: z.number().positive().default(USUAL.norm_eps),
    cap_feat_dim: size().default(USUAL.cap_feat_dim).describe("the text encoder's width"),
    qk_norm: z.boolean().default(USUAL.qk_norm),
    axes_dims: axes().optional().describe('head width given to caption position, row and column'),
    axes_lens: axes()
      .default([...USUAL.axes_lens])
      .describe('positions of each axis'),
  })
  .transform(({ preset, ...given }, context) => {
    const { dim, n_layers, n_heads, n_kv_heads } = { ...dimensionsOf(preset), ...defined(given) };
    if (dim === undefined || n_layers === undefined || n_heads === undefined) {
      context.addIssue({
        code: 'custom',
        message: 'needs a preset, or dim, n_layers and n_heads',
        input: given,
      });
      return z.NEVER;
    }
    return { ...given, dim, n_layers, n_heads, n_kv_heads: n_kv_heads ?? n_heads };
  });

/** What a preset stands for; the rest of a model is said by its own keys. */
function dimensionsOf(preset: keyof typeof PRESETS | undefined) {
  if (preset === undefined) return {};
  const { dim, n_layers, n_heads, n_kv_heads } = PRESETS[preset];
  return { dim, n_layers, n_heads, n_kv_heads };
}

/** By `kind`; that of SVG-T2I without one. */
export const velocityModelSchema = z.discriminatedUnion('kind', [ditModelSchema, svgModelSchema]);

/** A configuration file of `svg-t2i train autoencoder`: a decoder, and a residual branch, on a frozen encoder. */
import { z } from 'zod';
import { DECODERS, LOSSES, RESIDUALS } from '../facts.js';
import { defined, keysOf } from './defined.js';
import { encoderChannels, encoderModelSchema } from './encoder-model.js';
import { cellPixelsOf, PUBLISHED_CELL_PIXELS } from './latent-grid.js';
import {
  checkCommon,
  commonShape,
  dataSetShape,
  dataShape,
  emaSchema,
  optimizerSchema,
} from './train-common.js';

const size = () => z.number().int().min(1).max(1_000_000);

const { conv, hunyuan } = DECODERS;
/** What a configuration may say of each kind, and the original's own values. */
const OF_KIND = {
  conv: { ch: conv.usual.ch, ch_mult: conv.usual.ch_mult },
  hunyuan: {
    block_out_channels: hunyuan.usual.block_out_channels,
    ffactor_spatial: hunyuan.usual.ffactor_spatial,
    upsample_match_channel: hunyuan.usual.upsample_match_channel,
  },
} as const satisfies Partial<Record<keyof typeof DECODERS, object>>;

const decoderModelSchema = z
  .strictObject({
    kind: z
      .enum(keysOf(OF_KIND))
      .default('conv')
      .describe("conv: the published one; hunyuan: HunyuanImage's, of 3-D convolutions"),
    num_res_blocks: z.number().int().min(0).max(100).default(2).describe('blocks a level, less one'),
    ch: size().optional().describe(`conv: channels next to the pixels; ${conv.usual.ch} where not given`),
    ch_mult: z
      .array(size())
      .min(1)
      .max(8)
      .optional()
      .describe(
        "conv: factors on ch, from the pixels' level to the latent's; each after the first doubles a cell's side, so five give 16 pixels",
      ),
    block_out_channels: z
      .array(size().multipleOf(32))
      .min(5)
      .optional()
      .describe("hunyuan: channels of five levels or more, from the latent's to the pixels'"),
    ffactor_spatial: z
      .union(
        [2, 4, 8, 16, 32].map((pixels) => z.literal(pixels)),
        { error: 'must be 2, 4, 8, 16 or 32' },
      )
      .optional()
      .describe('hunyuan: pixels a side of a latent cell'),
    upsample_match_channel: z
      .boolean()
      .optional()
      .describe("hunyuan: whether a doubling ends in the next level's channels; true where not given"),
  })
  .transform(({ kind, num_res_blocks, ...given }, context) => {
    const usual = OF_KIND[kind];
    for (const [key, value] of Object.entries(defined(given))) {
      if (key in usual) continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `is no key of decoder ${kind}`,
        input: value,
      });
    }
    // The first kind goes without its name, as it did when it was the only one: runs of then can be resumed.
    return { ...(kind === 'conv' ? {} : { kind }), ...usual, ...defined(given), num_res_blocks };
  });

/** What each kind takes where a configuration says nothing. */
function usualResidual(key: 'embed_dim' | 'depth' | 'num_heads' | 'img_size'): string {
  const [first, ...others] = keysOf(RESIDUALS).map((kind) => [kind, RESIDUALS[kind].usual[key]] as const);
  if (others.every(([, value]) => value === first?.[1])) return `${first?.[1]} where not given`;
  return [first, ...others]
    .map((each) => each?.join(': '))
    .join(', ')
    .concat(' where not given');
}

const residualModelSchema = z
  .strictObject({
    kind: z
      .enum(keysOf(RESIDUALS))
      .default('rope')
      .describe("rope: SVG-T2I's; torchvision: that of SVG, its class-conditional predecessor"),
    output_dim: size().default(8).describe('channels that the branch adds to a latent'),
    embed_dim: size().optional().describe(usualResidual('embed_dim')),
    depth: size().optional().describe(usualResidual('depth')),
    num_heads: size().optional().describe(usualResidual('num_heads')),
    img_size: size()
      .multipleOf(PUBLISHED_CELL_PIXELS)
      .optional()
      .describe(`square size of the stored positions; ${usualResidual('img_size')}`),
    align_distribution: z
      .boolean()
      .default(true)
      .describe("give the branch the mean and deviation of the encoder's"),
  })
  .transform(({ kind, output_dim, align_distribution, ...given }) => {
    const { usual } = RESIDUALS[kind];
    return {
      // The first kind goes without its name, as it did when it was the only one: runs of then can be resumed.
      ...(kind === 'rope' ? {} : { kind }),
      output_dim,
      embed_dim: given.embed_dim ?? usual.embed_dim,
      depth: given.depth ?? usual.depth,
      num_heads: given.num_heads ?? usual.num_heads,
      img_size: given.img_size ?? usual.img_size,
      align_distribution,
    };
  });

const lossSchema = z.strictObject({
  pixel: z.enum(LOSSES.pixel).default('l1'),
  perceptualWeight: z.number().min(0).default(1).describe('of LPIPS'),
  lpips: z
    .string()
    .min(1)
    .optional()
    .describe('weights of LPIPS (VGG-16); without them that term is left out'),
  discWeight: z
    .number()
    .min(0)
    .default(0.5)
    .describe("of the discriminator's part, times the adaptive weight"),
  discFactor: z.number().min(0).default(1),
  discStart: z
    .number()
    .int()
    .min(0)
    .default(5000)
    .describe(
      'optimiser steps before the discriminator counts; a training step makes two, as in the original',
    ),
  discLoss: z.enum(LOSSES.discLoss).default('hinge'),
  logvar: z.number().default(0).describe('log variance of the pixels, fixed'),
});

export const autoencoderTrainingSchema = z
  .strictObject({
    stage: z
      .literal('autoencoder', { error: 'must be autoencoder' })
      .default('autoencoder')
      .describe('what this file trains'),
    ...commonShape,
    model: z
      .strictObject({
        encoder: encoderModelSchema.prefault({ arch: 'dinov3_vits16plus' }),
        decoder: decoderModelSchema.prefault({}),
        residual: residualModelSchema
          .nullable()
          .default(null)
          .describe('Autoencoder-R has this branch, P has null'),
      })
      .prefault({}),
    encoder: z
      .strictObject({
        weights: z
          .string()
          .min(1)
          .optional()
          .describe('of the encoder: a .pth or .safetensors file, or a folder of Hugging Face'),
        train: z
          .boolean()
          .default(false)
          .describe('train the encoder too, for a model without a pretrained one'),
      })
      .prefault({}),
    freezeResidual: z.boolean().default(false).describe('keep the residual branch as initFrom has it'),
    maskRatio: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('share of residual tokens that the mask token replaces'),
    latentNoise: z
      .number()
      .min(0)
      .max(10)
      .default(0)
      .describe("deviation of noise on latents, in a channel's own; smooths what a trained encoder gives"),
    data: z.strictObject({
      sets: z.array(z.strictObject(dataSetShape)).min(1).describe('where pictures come from'),
      ...dataShape,
    }),
    optimizer: optimizerSchema({ lr: 1e-4, betas: [0.5, 0.9], eps: 1e-8, gradClip: 0 }).prefault({}),
    ema: emaSchema(0).prefault({}),
    loss: lossSchema.prefault({}),
    samples: z
      .strictObject({
        every: z
          .number()
          .int()
          .min(0)
          .default(1000)
          .describe('steps from one grid of reconstructions to the next'),
        count: z
          .number()
          .int()
          .min(1)
          .max(64)
          .default(4)
          .describe('pictures of a grid, the first of the data'),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    checkCommon(config, context);
    const refuse = (at: readonly string[], message: string, input: unknown) =>
      context.addIssue({ code: 'custom', path: [...at], message, input });
    const { data, encoder, model, freezeResidual, maskRatio, initFrom } = config;
    const { residual } = model;
    const cellPixels = cellPixelsOf(model.decoder);
    if (data.resolution % cellPixels !== 0) {
      refuse(['data', 'resolution'], `must be a multiple of ${cellPixels}`, data.resolution);
    }
    if (residual !== null && cellPixels !== PUBLISHED_CELL_PIXELS) {
      const message = `its patches are ${PUBLISHED_CELL_PIXELS} pixels a side, and the decoder's cells ${cellPixels}`;
      refuse(['model', 'residual'], message, undefined);
    }
    const { usual } = RESIDUALS[residual?.kind ?? 'rope'];
    // Files do not tell how many there are: a head is as wide as in the published branch.
    const headChannels = usual.embed_dim / usual.num_heads;
    if (residual !== null && residual.embed_dim !== headChannels * residual.num_heads) {
      const message = `must be ${headChannels} for each of num_heads, since files do not tell`;
      refuse(['model', 'residual', 'embed_dim'], message, residual.embed_dim);
    }
    if (encoder.weights === undefined && !encoder.train && initFrom === undefined) {
      refuse(['encoder', 'weights'], 'needed, unless encoder.train or initFrom is given', undefined);
    }
    if (residual === null && maskRatio > 0) {
      refuse(['maskRatio'], 'must be 0 without model.residual', maskRatio);
    }
    if (freezeResidual && (residual === null || initFrom === undefined)) {
      refuse(['freezeResidual'], 'needs model.residual, and initFrom with its weights', freezeResidual);
    }
  });

export type AutoencoderTrainingConfig = z.output<typeof autoencoderTrainingSchema>;

/** Channels of a latent: the encoder's, and those of the residual branch. */
export function latentChannels({ encoder, residual }: AutoencoderTrainingConfig['model']): number {
  return encoderChannels(encoder) + (residual?.output_dim ?? 0);
}

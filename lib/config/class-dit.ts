/** Dimensions of SVG's class-conditional transformer, under the names of the original's arguments. */
import { z } from 'zod';
import { VELOCITY_MODELS } from '../facts.js';
import { defined, keysOf } from './defined.js';

const PRESETS = VELOCITY_MODELS.svg.presets;
/** Where nothing is said. */
const USUAL = PRESETS.XL;

/** In training, of both kinds that draw classes: above 0 the last label is that of "none". */
export const labelDropout = z.number().min(0).max(1);

const size = () => z.number().int().min(1).max(1_000_000);

const svgArguments = z.strictObject({
  kind: z.literal('svg').describe('the class-conditional predecessor'),
  preset: z.enum(keysOf(PRESETS)).optional().describe('published dimensions; the keys below change some'),
  patch_size: z.literal(1).default(1).describe('each latent cell is a token'),
  in_channels: size().default(USUAL.in_channels).describe('channels of a latent'),
  hidden_size: size().multipleOf(4).optional().describe('width'),
  depth: size().optional().describe('blocks'),
  num_heads: size().optional(),
  head_dim: size().optional().describe('width of a head; hidden_size / num_heads where not given'),
  mlp_ratio: z
    .number()
    .positive()
    .max(1000)
    .default(USUAL.mlp_ratio)
    .describe('feed-forward width over hidden_size'),
  num_classes: size().default(USUAL.num_classes).describe('classes of the data; one more stands for none'),
  learn_sigma: z
    .boolean()
    .default(USUAL.learn_sigma)
    .describe('twice the channels come out, the second half unused'),
  qk_norm: z.boolean().default(USUAL.qk_norm),
  use_swiglu: z.boolean().default(USUAL.use_swiglu),
});

/** As a file beside the weights has them: what it leaves out, the weights tell. */
export const svgArgumentsSchema = svgArguments
  .omit({ preset: true })
  .extend({ class_dropout_prob: labelDropout })
  .partial()
  .required({ kind: true });

export const svgModelSchema = svgArguments.transform(({ preset, ...given }, context) => {
  const { hidden_size, depth, num_heads } = { ...dimensionsOf(preset), ...defined(given) };
  if (hidden_size === undefined || depth === undefined || num_heads === undefined) {
    const message = 'needs a preset, or hidden_size, depth and num_heads';
    context.addIssue({ code: 'custom', message, input: given });
    return z.NEVER;
  }
  if (given.head_dim === undefined && hidden_size % num_heads !== 0) {
    const message = `must be a multiple of num_heads (${num_heads}), or head_dim be given`;
    context.addIssue({ code: 'custom', path: ['hidden_size'], message, input: hidden_size });
    return z.NEVER;
  }
  const head_dim = given.head_dim ?? hidden_size / num_heads;
  return { ...given, hidden_size, depth, num_heads, head_dim };
});

/** What a preset stands for; the rest of a model is said by its own keys. */
function dimensionsOf(preset: keyof typeof PRESETS | undefined) {
  if (preset === undefined) return {};
  const { hidden_size, depth, num_heads } = PRESETS[preset];
  return { hidden_size, depth, num_heads };
}

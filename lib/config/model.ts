/** Which weights, where they run and in which precision. */
import { z } from 'zod';

export const DTYPES = ['auto', 'fp32', 'bf16'] as const;
export const WEIGHT_KINDS = ['auto', 'ema', 'raw'] as const;

export type Dtype = (typeof DTYPES)[number];
export type WeightKind = (typeof WEIGHT_KINDS)[number];

export const modelSchema = z.strictObject({
  pretrained: z.string().min(1).optional().describe("the release's pre-trained folder"),
  dit: z.string().min(1).optional().describe('folder or file of the diffusion transformer'),
  autoencoder: z.string().min(1).optional().describe('yaml of the autoencoder'),
  textEncoder: z.string().min(1).optional().describe('folder of Gemma-2'),
  statistics: z.string().min(1).optional().describe('.pt file of the feature statistics'),
  weights: z
    .enum(WEIGHT_KINDS)
    .default('auto')
    .describe('ema: averaged weights, raw: the others, auto: averaged where the folder has them'),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, { error: 'must be auto, cpu, cuda or cuda:N' })
    .default('auto')
    .describe('auto takes a GPU where there is one'),
  dtype: z
    .enum(DTYPES)
    .default('auto')
    .describe('auto takes bf16 where the hardware multiplies it, fp32 elsewhere'),
  threads: z.number().int().min(1).max(4096).optional().describe('CPU threads; all cores where not given'),
  offload: z.boolean().default(false).describe('keep the text encoder on the CPU, to save GPU memory'),
});

export type ModelOptions = z.input<typeof modelSchema>;
export type ResolvedModelOptions = z.output<typeof modelSchema>;

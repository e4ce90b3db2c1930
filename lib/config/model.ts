/** Which weights, where they run and in which precision. */
import { z } from 'zod';
import { PRECISIONS } from '../facts.js';

export const DTYPES = ['auto', ...PRECISIONS] as const;
export const WEIGHT_KINDS = ['auto', 'ema', 'raw'] as const;

export type Dtype = (typeof DTYPES)[number];
export type WeightKind = (typeof WEIGHT_KINDS)[number];

export const modelSchema = z.strictObject({
  pretrained: z
    .string()
    .min(1)
    .optional()
    .describe("the release's pre-trained folder, or a name that `svg-t2i pull` has fetched"),
  dit: z.string().min(1).optional().describe('folder or file of the diffusion transformer'),
  weakDit: z
    .string()
    .min(1)
    .optional()
    .describe('folder or file of a weaker transformer, to guide away from (autoguidance)'),
  autoencoder: z
    .string()
    .min(1)
    .optional()
    .describe('yaml or checkpoint of the autoencoder, or a folder that diffusers wrote'),
  textEncoder: z.string().min(1).optional().describe('folder of Gemma-2'),
  attentionSoftCap: z
    .boolean()
    .optional()
    .describe(
      "cap the text encoder's attention scores as its config.json says; where not given, as the transformer was trained, and the published one was without",
    ),
  statistics: z.string().min(1).optional().describe('.pt file of the feature statistics'),
  classNames: z
    .string()
    .min(1)
    .optional()
    .describe('file with the names of the classes of a class-conditional model: one a line, or JSON'),
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
    .describe(
      'auto takes bf16 where the hardware multiplies it, fp32 elsewhere, and int8 where the weights are stored so; int8 (CPU) multiplies the large matrices of transformer and text encoder in 8 bit',
    ),
  threads: z.number().int().min(1).max(4096).optional().describe('CPU threads; all cores where not given'),
  offload: z.boolean().default(false).describe('keep the text encoder on the CPU, to save GPU memory'),
});

/** Which weights are loaded, where they run and in which precision. */
export interface ModelOptions {
  /**
   * The release's `pre-trained` folder, or the one above it; a path or a `file:` URL. Or a name that was fetched with
   * `pull()`, as `svg-t2i` or `ORG/NAME`; a folder of that name comes first, and nothing is fetched. Default: `pre-trained` in
   * the working folder, then in the cache, then `svg-t2i` where that was fetched.
   */
  readonly pretrained?: string | URL | undefined;
  /**
   * Folder or file of the diffusion transformer, relative to the release's folder, or a name that was fetched. Default:
   * looked for there.
   */
  readonly dit?: string | URL | undefined;
  /**
   * Folder or file of a smaller or shorter trained transformer of the same kind: guidance then moves away from what it
   * draws (autoguidance), in the place of pictures without a condition.
   */
  readonly weakDit?: string | URL | undefined;
  /** Yaml of the autoencoder; relative to the release's folder. Default: looked for there. */
  readonly autoencoder?: string | URL | undefined;
  /**
   * Folder of Gemma-2, relative to the release's folder, or a name that was fetched. Default: `gemma-2-2b` there, then what
   * was fetched of that name.
   */
  readonly textEncoder?: string | URL | undefined;
  /**
   * Whether the text encoder's attention scores are capped as its config.json says. Default: as the transformer was
   * trained (its model_args.json, or the release's defaults.yaml); without, as the published one was, where neither says.
   */
  readonly attentionSoftCap?: boolean | undefined;
  /** `.pt` file of the feature statistics; relative to the release's folder. Default: looked for there. */
  readonly statistics?: string | URL | undefined;
  /**
   * File with the names of the classes of a class-conditional model, one a line or JSON; relative to the release's folder.
   * Default: `class_names.json` or `class_names.txt` beside the transformer or in the release's folder.
   */
  readonly classNames?: string | URL | undefined;
  /** `ema`: averaged weights, `raw`: the others, `auto`: averaged where the folder has them. Default: `auto`. */
  readonly weights?: WeightKind | undefined;
  /** `auto`, `cpu`, `cuda` or `cuda:N`. Default: `auto`, which takes a GPU where there is one. */
  readonly device?: string | undefined;
  /**
   * `auto`, `fp32`, `bf16` or `int8`. Default: `auto`: bf16 where the hardware multiplies it, fp32 elsewhere, and int8 on a
   * CPU for weights that are stored so. `int8`, on a CPU alone: the large matrices of the transformer and the text encoder
   * in 8 bit, everything else and the autoencoder in fp32.
   */
  readonly dtype?: Dtype | undefined;
  /** CPU threads, 1 to 4096. Default: all cores. */
  readonly threads?: number | undefined;
  /** Keep the text encoder on the CPU, to save GPU memory. Default: false. */
  readonly offload?: boolean | undefined;
}

export type ResolvedModelOptions = z.output<typeof modelSchema>;

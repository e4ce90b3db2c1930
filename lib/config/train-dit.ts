/** A configuration file of `svg-t2i train dit`: the diffusion transformer on frozen encoders. */
import { z } from 'zod';
import { COMPUTE_DTYPES } from '../facts.js';
import { refuseMeaningless, USUAL_CAPTION_TOKENS, USUAL_SAMPLES } from './meaningless.js';
import { modelSchema } from './model.js';
import { MAX_CAPTION_TOKENS, settingsSchema, settingsWithRulesOf } from './request.js';
import {
  checkCommon,
  commonShape,
  dataSetShape,
  dataShape,
  emaSchema,
  optimizerSchema,
} from './train-common.js';
import { velocityModelSchema } from './velocity-model.js';

const size = () => z.number().int().min(1).max(1_000_000);

const ditDataSchema = z.strictObject({
  sets: z
    .array(
      z.strictObject({
        ...dataSetShape,
        systemPrompt: z
          .string()
          .optional()
          .describe(
            'what stands before the captions: a name that `sample` knows, or a text; base where not given, and align before a super_high_quality_caption',
          ),
        prompt: z
          .string()
          .optional()
          .describe('caption of pictures in folders; {class} stands for the name of the folder'),
      }),
    )
    .min(1)
    .describe('where pictures and captions come from'),
  ...dataShape,
  cache: z.string().min(1).optional().describe('folder that svg-t2i cache wrote; nothing is encoded then'),
});

const timeSchema = z.strictObject({
  kind: z.enum(['lognormal', 'uniform']).default('lognormal').describe('how t is drawn (0 noise, 1 picture)'),
  mean: z.number().min(-100).max(100).default(0).describe('of the normal behind lognormal'),
  low: z.number().min(0).max(1).default(0).describe('least t of uniform'),
  high: z.number().min(0).max(1).default(1).describe('largest t of uniform'),
  shift: z
    .union([z.enum(['resolution', 'none']), z.number().positive().max(1000)], {
      error: 'must be resolution, none or a number above 0',
    })
    .default('resolution')
    .describe(
      'resolution: move t towards noise, more for larger pictures; a number S: to S t / (1 + (S - 1) t), as SVG was trained with 0.4',
    ),
});

const sampling = settingsSchema.pick({
  systemPrompt: true,
  batchSize: true,
  seed: true,
  steps: true,
  solver: true,
  shift: true,
  guidanceScale: true,
  guidanceMode: true,
}).shape;

const samplesSchema = z.strictObject({
  every: z
    .number()
    .int()
    .min(0)
    .default(1000)
    .describe('steps from one grid of pictures to the next; 0 draws none'),
  prompts: z
    .array(z.string())
    .min(1)
    .default([...USUAL_SAMPLES.prompts])
    .describe('what each grid shows'),
  classes: z
    .array(z.number().int().min(0))
    .min(1)
    .default([...USUAL_SAMPLES.classes])
    .describe('what each grid shows of a class-conditional model; classes that it has not are left out'),
  weights: z.enum(['ema', 'raw']).default('ema').describe('which weights draw'),
  // The cells that sides keep to are known with the autoencoder: checkSampleSizes.
  width: size().optional().describe('in pixels; the resolution where not given'),
  height: size().optional().describe('in pixels; the resolution where not given'),
  ...sampling,
});

const { pretrained, autoencoder, textEncoder, attentionSoftCap, statistics, offload } = modelSchema.shape;
/** Captions are encoded once for many steps, and 8 bit would teach the transformer the errors of one machine. */
const dtype = z
  .enum(['auto', ...COMPUTE_DTYPES], {
    error: ({ input }) =>
      input === 'int8'
        ? `must be one of auto, ${COMPUTE_DTYPES.join(', ')}: int8 is for drawing, features to train on are computed in full`
        : undefined,
  })
  .default('auto')
  .describe('auto takes bf16 where the hardware multiplies it, fp32 elsewhere');

export const ditTrainingSchema = z
  .strictObject({
    stage: z.literal('dit', { error: 'must be dit' }).default('dit').describe('what this file trains'),
    ...commonShape,
    model: velocityModelSchema,
    frozen: z
      .strictObject({ pretrained, autoencoder, textEncoder, attentionSoftCap, statistics, dtype, offload })
      .prefault({})
      .describe('the encoders and the decoder, as `sample` finds them'),
    encoderPrecision: z
      .enum(['auto', 'fp32', 'bf16'])
      .default('auto')
      .describe(
        'of the frozen vision encoder; auto: bf16 where frozen.dtype comes to it and features of the first pictures agree with those in fp32 (cosine 0.9999), fp32 elsewhere',
      ),
    data: ditDataSchema,
    optimizer: optimizerSchema({ lr: 2e-4, betas: [0.9, 0.95], eps: 1e-15, gradClip: 2 }).prefault({}),
    ema: emaSchema(0.95).prefault({}),
    time: timeSchema.prefault({}),
    activationCheckpointing: z
      .union([
        z.enum(['off', 'on', 'auto']),
        // As earlier configurations have it.
        z.boolean().transform((isOn) => (isOn ? 'on' : 'off')),
      ])
      .prefault('auto')
      .describe(
        'compute the activations of blocks twice to keep fewer: less memory, up to a third more time; auto: of as many blocks as the memory asks for',
      ),
    activationMemory: z
      .number()
      .positive()
      .max(100_000)
      .optional()
      .describe(
        'GB that activations of one process may take with activationCheckpointing: auto; what is free where not given',
      ),
    captions: z
      .strictObject({
        dropout: z
          .number()
          .min(0)
          .max(1)
          .default(0.1)
          .describe('share of captions, or of classes, that are left out'),
        maxTokens: z
          .number()
          .int()
          .min(1)
          .max(MAX_CAPTION_TOKENS)
          .default(USUAL_CAPTION_TOKENS)
          .describe('longest caption, system prompt included'),
      })
      .prefault({}),
    samples: samplesSchema.prefault({}),
  })
  .superRefine((config, context) => {
    checkCommon(config, context);
    const refuse = (at: readonly string[], message: string, input: unknown) =>
      context.addIssue({ code: 'custom', path: [...at], message, input });
    const { data, time, model, captions } = config;
    if (time.low >= time.high) refuse(['time', 'low'], `must be below time.high (${time.high})`, time.low);
    if (data.cache !== undefined && data.flip > 0) {
      refuse(
        ['data', 'flip'],
        'must be 0 with data.cache, which holds features of unmirrored pictures',
        data.flip,
      );
    }
    refuseMeaningless(config, context);
    if (model.kind === 'svg') {
      if (config.samples.every > 0) checkSamples(config, refuse);
      return;
    }
    if (captions.maxTokens >= model.axes_lens[0]) {
      refuse(
        ['captions', 'maxTokens'],
        `must be below axes_lens[0] (${model.axes_lens[0]})`,
        captions.maxTokens,
      );
    }
    const { dim, n_heads, n_kv_heads } = model;
    if (dim % n_heads !== 0) refuse(['model', 'dim'], `must be a multiple of n_heads (${n_heads})`, dim);
    if (n_heads % n_kv_heads !== 0) {
      refuse(['model', 'n_heads'], `must be a multiple of n_kv_heads (${n_kv_heads})`, n_heads);
    }
    if (config.samples.every > 0) checkSamples(config, refuse);
  });

type Refuse = (at: readonly string[], message: string, input: unknown) => void;

/** What would be refused only when the first grid is drawn; of its sizes checkSampleSizes tells. */
function checkSamples({ samples }: Pick<DitTrainingConfig, 'samples'>, refuse: Refuse): void {
  const { every: _, prompts: __, classes: ___, weights: ____, width: _w, height: _h, ...others } = samples;
  const whole: Readonly<Record<string, unknown>> = others;
  for (const { path, message } of settingsWithRulesOf(undefined).safeParse(whole).error?.issues ?? []) {
    const key = String(path[0]);
    if (key in samples) refuse(['samples', key], message, whole[key]);
  }
}

export type DitTrainingConfig = z.output<typeof ditTrainingSchema>;

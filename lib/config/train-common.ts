/** What the configurations of both training stages share, section by section. */
import { z } from 'zod';
import { COMPUTE_DTYPES } from '../facts.js';
import { MAX_SIDE_CELLS, PUBLISHED_CELL_PIXELS } from './latent-grid.js';
import { pictureShape } from './picture.js';
import { isUrl } from './url.js';

const wholeFrom = (least: number) => z.number().int().min(least);
const path = () => z.string().min(1);
const localPath = () =>
  path().refine((text) => !isUrl(text), {
    error: 'must be a path on this machine: nothing is fetched',
  });

/** One source of pictures. The DiT stage adds what it needs for captions. */
export const dataSetShape = {
  path: localPath().describe(
    'a list of {"path", "prompt"} (JSON Lines or a JSON array), or a folder of pictures or of one folder a class',
  ),
  root: localPath()
    .optional()
    .describe("where the list's relative paths start; by default the list's own folder"),
  ratio: z
    .number()
    .positive()
    .max(1000)
    .default(1)
    .describe('share of the pictures that an epoch takes; 2 takes each twice'),
};

export const dataShape = {
  resolution: z
    .number()
    .int()
    .min(1)
    .max(MAX_SIDE_CELLS * PUBLISHED_CELL_PIXELS)
    .describe(
      "side of a square picture in pixels, a multiple of the autoencoder's cells: 16 with the published ones",
    ),
  aspect: z
    .enum(['multi', 'square'])
    .default('multi')
    .describe('multi: sizes of about that area, the one that suits each picture; square: one size for all'),
  maxRatio: z.number().min(1).max(64).default(4).describe('longest to shortest side of aspect multi'),
  flip: z.number().min(0).max(1).default(0).describe('share of the pictures that are mirrored'),
  ...pictureShape,
  workers: wholeFrom(1).max(1024).optional().describe('threads that decode pictures; all cores but one'),
  prefetch: wholeFrom(1).max(1000).default(2).describe('steps whose pictures are prepared ahead'),
  maxBadShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('the run stops when more than this share of the pictures cannot be read'),
};

export const batchSchema = z.strictObject({
  global: wholeFrom(1).max(1_000_000).describe('pictures of one optimiser step over all processes'),
  micro: wholeFrom(1)
    .max(1_000_000)
    .optional()
    .describe('pictures that one process takes at once; all its share'),
});

export const scheduleSchema = z.strictObject({
  kind: z
    .enum(['constant', 'cosine', 'linear'])
    .default('constant')
    .describe('the learning rate after warm-up'),
  warmupSteps: wholeFrom(0).default(0).describe('steps in which the learning rate rises from 0'),
  finalShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('of the learning rate, at the end of cosine and linear'),
});

const beta = z.number().min(0).lt(1);

/** Adam with the stage's own defaults. */
export function optimizerSchema(defaults: {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly gradClip: number;
}) {
  return z.strictObject({
    lr: z.number().positive().max(10).default(defaults.lr).describe('learning rate after warm-up'),
    betas: z
      .tuple([beta, beta])
      .default([...defaults.betas])
      .describe('decay of the first and the second moment'),
    eps: z.number().positive().default(defaults.eps).describe('keeps the division from zero'),
    weightDecay: z.number().min(0).default(0).describe('decoupled, as in AdamW'),
    gradClip: z
      .number()
      .min(0)
      .default(defaults.gradClip)
      .describe('largest norm of all gradients; 0 is none'),
  });
}

const initFromSchema = z.strictObject({
  path: path().describe('a checkpoint of the release, a folder with one, or a run folder that was exported'),
  weights: z.enum(['auto', 'ema', 'raw']).default('auto').describe('auto: averaged where there are some'),
});

export const parallelSchema = z.strictObject({
  mode: z
    .enum(['ddp', 'sdp'])
    .default('ddp')
    .describe('ddp: every process holds everything; sdp: optimiser state and gradients are shared out'),
  bucketMiB: wholeFrom(1).max(4096).default(25).describe('gradients that are summed in one message'),
  backend: z.enum(['auto', 'nccl', 'gloo']).default('auto').describe('auto: nccl on GPUs, gloo elsewhere'),
  timeoutSeconds: wholeFrom(1)
    .max(86_400)
    .default(600)
    .describe('a process that is silent for longer ends the run'),
});

/** Top-level values that mean the same in both stages. */
export const commonShape = {
  run: path().optional().describe('folder of the run; --run wins'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('of everything that is random'),
  steps: wholeFrom(1).max(1e9).optional().describe('optimiser steps of the whole run'),
  epochs: z
    .number()
    .positive()
    .max(1e6)
    .optional()
    .describe('instead of steps: times that each picture is seen'),
  initFrom: initFromSchema
    .optional()
    .describe('weights to begin with; what does not fit is listed and drawn anew'),
  batch: batchSchema,
  schedule: scheduleSchema.prefault({}),
  precision: z
    .enum(COMPUTE_DTYPES, {
      error: ({ input }) =>
        input === 'int8'
          ? `must be one of ${COMPUTE_DTYPES.join(', ')}: int8 is for drawing, gradients need more`
          : undefined,
    })
    .default('fp32')
    .describe('of the matrix products; weights stay in fp32'),
  maxBadSteps: wholeFrom(1)
    .default(10)
    .describe('the run stops after so many steps in a row whose loss or gradients are no numbers'),
  logEvery: wholeFrom(1).default(10).describe('steps from one line of metrics to the next'),
  checkpoints: z
    .strictObject({
      every: wholeFrom(1).default(1000).describe('steps from one checkpoint to the next'),
      keep: wholeFrom(1).default(3).describe('newest checkpoints that are kept'),
    })
    .prefault({}),
  parallel: parallelSchema.prefault({}),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, { error: 'must be auto, cpu, cuda or cuda:N' })
    .default('auto')
    .describe('auto takes the GPU of its own number in each process, where there are some'),
  threads: wholeFrom(1).max(4096).optional().describe('CPU threads of one process; its share of the cores'),
};

export function emaSchema(defaultDecay: number) {
  return z.strictObject({
    decay: z
      .number()
      .min(0)
      .lt(1)
      .default(defaultDecay)
      .describe('of the averaged weights, a step; 0 keeps none'),
    warmup: z
      .boolean()
      .default(false)
      .describe(
        'shorter averages at first, (1 + step) / (10 + step): they soon forget how the weights began',
      ),
  });
}

interface Together {
  readonly steps?: number | undefined;
  readonly epochs?: number | undefined;
  readonly batch: { readonly global: number; readonly micro?: number | undefined };
  readonly schedule: { readonly warmupSteps: number };
}

/** Rules between fields that hold in both stages. */
export function checkCommon(config: Together, context: z.RefinementCtx): void {
  const refuse = (at: readonly string[], message: string, input: unknown) =>
    context.addIssue({ code: 'custom', path: [...at], message, input });
  const { steps, epochs, batch, schedule } = config;
  if ((steps === undefined) === (epochs === undefined)) {
    refuse(['steps'], 'give either steps or epochs', steps);
  }
  if (batch.micro !== undefined && batch.micro > batch.global) {
    refuse(['batch', 'micro'], `must be at most batch.global (${batch.global})`, batch.micro);
  }
  if (steps !== undefined && schedule.warmupSteps > steps) {
    refuse(
      ['schedule', 'warmupSteps'],
      `must be at most the steps of the run (${steps})`,
      schedule.warmupSteps,
    );
  }
}

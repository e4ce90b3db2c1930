/** What `eval watch` can be told: on what each checkpoint of a run is measured, how often one looks, and by what. */
import { z } from 'zod';
import { networkShape } from './measure.js';

export const WATCH_METRICS = [
  'psnr',
  'ssim',
  'ms-ssim',
  'lpips',
  'shapes',
  'previous',
  'is',
  'kid',
  'fid',
] as const;
export type WatchMetric = (typeof WATCH_METRICS)[number];

/** Of an autoencoder's reconstructions, and of what a transformer draws. */
export const RECONSTRUCTION_METRICS = [
  'psnr',
  'ssim',
  'ms-ssim',
  'lpips',
  'fid',
] as const satisfies readonly WatchMetric[];
export const DRAWING_METRICS = [
  'shapes',
  'previous',
  'is',
  'kid',
  'fid',
] as const satisfies readonly WatchMetric[];

const path = () => z.string().min(1);

export const watchSchema = z.strictObject({
  run: path().describe('folder of the run, which may be one that is yet to begin'),
  metrics: z
    .array(z.enum(WATCH_METRICS))
    .min(1)
    .optional()
    .describe(
      `of an autoencoder ${RECONSTRUCTION_METRICS.join(', ')}; of a transformer ${DRAWING_METRICS.join(', ')}; all that can be had of what is given, but ms-ssim, where not said`,
    ),
  data: path()
    .optional()
    .describe(
      "pictures that were kept out of training, a folder or a list: what an autoencoder rebuilds, and what fid and kid of a transformer compare with; of an autoencoder the run's own where not given",
    ),
  prompts: path()
    .optional()
    .describe("prompts that a transformer draws, .txt, .json or .jsonl; the run's own where not given"),
  count: z
    .number()
    .int()
    .min(1)
    .max(2000)
    .default(32)
    .describe('pictures of each checkpoint; of prompts at most as many as there are'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 47)
    .default(0)
    .describe('which pictures of the data, and the noise of what is drawn'),
  once: z.boolean().default(false).describe('end when all checkpoints that are there are measured'),
  interval: z
    .number()
    .min(0.05)
    .max(86_400)
    .default(30)
    .describe('seconds from one look at the folder to the next'),
  ...networkShape,
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, { error: 'must be auto, cpu, cuda or cuda:N' })
    .optional()
    .describe("cpu, cuda, cuda:N or auto; the run's where not given"),
  threads: z.number().int().min(1).max(4096).optional().describe('CPU threads of one operation'),
  niceness: z
    .number()
    .int()
    .min(0)
    .max(19)
    .default(10)
    .describe('by how much the threads that compute give way to others, 0 to 19'),
});

/** With every default filled in. */
export type ResolvedWatch = z.output<typeof watchSchema>;

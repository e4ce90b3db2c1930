/** What decides the numbers of pictures that are measured, wherever they come from. */
import { z } from 'zod';
import { pictureShape } from '../picture.js';

/** Of whole sets. */
export const SET_METRICS = ['fid', 'sfid', 'kid', 'is', 'pr'] as const;
/** Of a picture and its partner. */
export const PAIR_METRICS = ['psnr', 'ssim', 'ssim-reflect', 'ms-ssim', 'ms-ssim-reflect', 'lpips'] as const;
export const METRICS = [...SET_METRICS, ...PAIR_METRICS] as const;

export type SetMetricName = (typeof SET_METRICS)[number];
export type PairMetricName = (typeof PAIR_METRICS)[number];
export type MetricName = (typeof METRICS)[number];

/** Metrics, each once. */
export const metricsSchema = z
  .array(z.enum(METRICS))
  .min(1)
  .refine((metrics) => new Set(metrics).size === metrics.length, { error: 'must name each metric once' });

/** Files of FID's Inception as they are published, for messages. */
export const INCEPTION_FILES =
  'weights-inception-2015-12-05-6726825d.pth (torch-fidelity) or pt_inception-2015-12-05-6726825d.pth (pytorch-fid)';
/** Files of LPIPS as they are published, for messages. */
export const LPIPS_FILES =
  'vgg.pth of the lpips package with its linear layers, beside vgg16-397923af.pth of torchvision, or one file with both';

/** The networks that measure. */
export const networkShape = {
  inception: z
    .string()
    .min(1)
    .optional()
    .describe("file of FID's Inception: fid, sfid, kid, is and pr need it"),
  lpips: z
    .string()
    .min(1)
    .optional()
    .describe('file of LPIPS: VGG-16, and the linear layers if they are in it'),
  lpipsLinear: z
    .string()
    .min(1)
    .optional()
    .describe("file of LPIPS's linear layers, where they have one of their own"),
};

/** How the metrics of sets are counted. */
export const protocolShape = {
  protocol: z
    .enum(['torch-fidelity', 'adm'])
    .default('torch-fidelity')
    .describe(
      'of the Inception Score: torch-fidelity shuffles and takes so many splits, adm takes parts of 5000 in their order',
    ),
  splits: z.number().int().min(1).max(1000).default(10).describe('of the Inception Score'),
  kidSubsets: z.number().int().min(1).max(100_000).default(100).describe('of KID'),
  kidSubsetSize: z.number().int().min(2).max(1_000_000).default(1000).describe('pictures of a subset of KID'),
  neighbours: z.number().int().min(1).max(1000).default(3).describe('k of precision and recall'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(2020)
    .describe('of what is drawn for KID and the Inception Score'),
};

/** What is done about pictures that cannot be read. */
export const badShareShape = {
  maxBadShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      'share of the pictures of a set that may be unreadable; more is an error, once all are counted',
    ),
};

/** Where it is computed. */
export const machineShape = {
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, { error: 'must be auto, cpu, cuda or cuda:N' })
    .default('auto')
    .describe('auto takes a GPU where there is one'),
  threads: z.number().int().min(1).max(4096).optional().describe('CPU threads; all cores where not given'),
  workers: z
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('threads that decode pictures; one less than there are cores where not given'),
  spillMegabytes: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(2048)
    .describe(
      'features of kid and pr above this go to a file in the output folder, else in the one for temporary files (TMPDIR), which must not be memory',
    ),
};

/** Crops and alpha: how a picture of a file becomes the one that is measured. */
export const readingShape = {
  resolution: z
    .number()
    .int()
    .min(1)
    .max(65536)
    .optional()
    .describe('cut all pictures to squares of so many pixels a side; as they are where not given'),
  crop: z
    .enum(['adm', 'train'])
    .default('adm')
    .describe(
      "how they are cut: as ADM's reference sets (alpha dropped, pixels as stored), or as for training (alpha on white)",
    ),
  alpha: z
    .enum(['white', 'drop'])
    .optional()
    .describe(
      'transparent pixels: paste on white, or drop the alpha channel as torch-fidelity does; white, but for adm',
    ),
  autoOrient: z
    .boolean()
    .optional()
    .describe(
      'turn pictures upright as their EXIF orientation says; other scorers take the pixels as stored, and so does this, but for crop train',
    ),
  maxPixels: pictureShape.maxPixels,
};

const protocolSchema = z.strictObject(protocolShape);
const readingSchema = z.strictObject({ ...readingShape, workers: machineShape.workers });

export type Protocol = z.output<typeof protocolSchema>;
export type Reading = z.output<typeof readingSchema>;

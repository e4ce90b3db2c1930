/** What `svg-t2i eval imagenet` takes: how many pictures of which classes, against what, and by which sampler. */
import { z } from 'zod';
import { modelSchema } from '../model.js';
import { benchmarkSchema, pictureSettingsOf } from './generate.js';
import { machineShape, networkShape, protocolShape } from './measure.js';

const CLASS_ORDERS = ['balanced', 'random'] as const;
export type ClassOrder = (typeof CLASS_ORDERS)[number];

const { skipExisting, onMismatch, nproc } = benchmarkSchema.shape;

export const imagenetSchema = z.strictObject({
  reference: z
    .string()
    .min(1)
    .describe('npz of the reference, as VIRTUAL_imagenet256_labeled.npz: mu, sigma, mu_s, sigma_s and arr_0'),
  inception: networkShape.inception.unwrap().describe("file of FID's Inception"),
  out: z
    .string()
    .min(1)
    .describe('folder that gets the pictures, samples.npz, run.json, results.json and report.html'),
  count: z.number().int().min(2).max(1_000_000).default(50_000).describe('pictures that are drawn'),
  classes: z
    .enum(CLASS_ORDERS)
    .default('balanced')
    .describe('balanced: each class as often, in turn; random: drawn for each picture from the seed'),
  numClasses: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1000)
    .describe('classes that are drawn, from 0 on'),
  skipExisting,
  onMismatch,
  nproc,
  neighbours: protocolShape.neighbours,
  workers: machineShape.workers,
  spillMegabytes: machineShape.spillMegabytes,
});

/** A configuration file of `svg-t2i eval imagenet`, for an autoencoder with cells of so many pixels a side. */
export function imagenetConfigSchemaOf(cellPixels: number | undefined) {
  return z.strictObject({
    imagenet: imagenetSchema,
    model: modelSchema.prefault({}),
    sample: pictureSettingsOf(cellPixels).prefault({}),
  });
}

/** With every default filled in. */
export type ResolvedImagenet = z.output<typeof imagenetSchema>;
export type ImagenetConfigValues = z.output<ReturnType<typeof imagenetConfigSchemaOf>>;

/**
 * How the predecessor's figures are sampled: 25 Euler steps, and guidance from the second step on.
 *
 * Source: shiml20/SVG, sample_ddp_feature_svg.py and its call in the README.
 */
export const PUBLISHED_SAMPLER = {
  width: 256,
  height: 256,
  solver: 'euler',
  steps: 25,
  shift: 0.15,
  guidanceScale: 1.5,
  guidanceSchedule: 'cfg_star-1-0',
  guidanceMode: 'standard',
} as const;

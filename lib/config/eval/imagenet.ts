/** What `svg-t2i eval imagenet` takes beside a model and its sampler: how many pictures of which classes, against what. */
import { z } from 'zod';
import { machineShape, networkShape, protocolShape } from './measure.js';

export const CLASS_ORDERS = ['balanced', 'random'] as const;
export type ClassOrder = (typeof CLASS_ORDERS)[number];

export const imagenetSchema = z.strictObject({
  reference: z
    .string()
    .min(1)
    .describe('npz of the reference, as VIRTUAL_imagenet256_labeled.npz: mu, sigma, mu_s, sigma_s and arr_0'),
  inception: networkShape.inception.unwrap().describe("file of FID's Inception"),
  out: z
    .string()
    .min(1)
    .describe('folder for the pictures, samples.npz, run.json, results.json and report.html'),
  count: z.number().int().min(2).max(1_000_000).default(50_000).describe('pictures that are drawn'),
  classes: z
    .enum(CLASS_ORDERS)
    .default('balanced')
    .describe(
      'balanced: each class as often, one after the other; random: drawn for each picture from the seed',
    ),
  numClasses: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1000)
    .describe('classes that are drawn, from 0 on'),
  neighbours: protocolShape.neighbours,
  spillMegabytes: machineShape.spillMegabytes,
});

/** With every default filled in. */
export type ResolvedImagenet = z.output<typeof imagenetSchema>;
/** As one gives it. */
export type ImagenetSettings = z.input<typeof imagenetSchema>;

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

/** All that a configuration file of `svg-t2i eval` can have: each of its commands reads a section of its own. */
import { z } from 'zod';
import { modelSchema } from '../model.js';
import { settingsSchema } from '../request.js';
import { benchmarkSchema } from './generate.js';
import { imagenetSchema } from './imagenet.js';
import { imagesSchema } from './images.js';
import { packSchema } from './pack.js';
import { reconstructSchema } from './reconstruct.js';
import { scoresSchema } from './scores.js';
import { statsSchema } from './stats.js';
import { watchSchema } from './watch.js';

/** For editors: what a command is given as an argument need not stand in its file. */
export const evalConfigSchema = z.strictObject({
  benchmark: benchmarkSchema.partial().optional().describe('of eval geneval, geneval2 and dpg'),
  imagenet: imagenetSchema.partial().optional().describe('of eval imagenet'),
  images: imagesSchema.partial().optional().describe('of eval images'),
  pack: packSchema.partial().optional().describe('of eval pack'),
  reconstruct: reconstructSchema.partial().optional().describe('of eval reconstruct'),
  scores: scoresSchema.partial().optional().describe('of eval report'),
  stats: statsSchema.partial().optional().describe('of eval stats'),
  watch: watchSchema.partial().optional().describe('of eval watch'),
  model: modelSchema
    .partial()
    .optional()
    .describe('of those that draw or encode: which weights, and where they run'),
  sample: settingsSchema.partial().optional().describe('of those that draw: how a picture is drawn'),
});

/** What the server's own API answers, as schemas: jobs, their events, capabilities, health. */
import { z } from 'zod';
import { OUTPUT_FORMATS } from '../../config/sample.js';
import { JOB_STATUSES } from '../job.js';
import { errorObject } from './answers.js';

const format = z.enum(OUTPUT_FORMATS);
const index = z.number().int().min(0).describe('of the picture, from 0');
const seed = z.number().int().min(0);
const pixels = z.number().int().min(1);
const count = z.number().int().min(0);
const seconds = z.number().min(0);
const eta = seconds.nullable().describe('seconds to the end; null where that is not known yet');

const jobFields = {
  id: z.string(),
  object: z.literal('image.job'),
  status: z.enum(JOB_STATUSES),
  created: z.number().int().describe('Unix time in seconds'),
  model: z.string(),
  place: z.number().int().min(1).nullable().describe('in line, from 1; null where it does not wait'),
  links: z.object({ self: z.string(), events: z.string() }),
};

export const jobSchema = z.object({
  ...jobFields,
  step: count.describe('steps of all its pictures together'),
  steps: count.describe('0 where the solver chooses them'),
  eta_seconds: eta,
  images: z.array(
    z.object({ index, seed, width: pixels, height: pixels, output_format: format, url: z.string() }),
  ),
  error: errorObject.nullable(),
});
export const jobListSchema = z.object({ object: z.literal('list'), data: z.array(jobSchema) });

export const jobEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('queued'), place: z.number().int().min(1).describe('in line, from 1') }),
  z.object({ type: z.literal('encode') }),
  z.object({ type: z.literal('step'), step: count, steps: count, eta_seconds: eta }),
  z.object({
    type: z.literal('preview'),
    index,
    step: count,
    output_format: z.enum(['jpeg', 'webp']),
    b64_json: z.string(),
  }),
  z.object({
    type: z.literal('image'),
    index,
    seed,
    width: pixels,
    height: pixels,
    output_format: format,
    b64_json: z.string(),
  }),
  z.object({ type: z.literal('warning'), message: z.string() }),
  z.object({
    type: z.literal('done'),
    seconds: z.object({
      queued: seconds,
      drawing: seconds,
      encode: seconds,
      sample: seconds,
      decode: seconds,
    }),
  }),
  z.object({ type: z.literal('failed'), error: errorObject }),
  z.object({ type: z.literal('cancelled') }),
]);

const modelCapabilities = z.object({
  id: z.string(),
  object: z.literal('model'),
  state: z.enum(['waiting', 'loading', 'ready', 'failed']),
  ready: z.boolean().describe('what follows is there only then'),
  condition: z.enum(['text', 'class']).optional().describe('what it draws of'),
  classes: z
    .union([z.array(z.string()), z.number().int()])
    .optional()
    .describe('names of the classes in the order of their numbers, or how many there are'),
  cell_pixels: pixels.optional().describe('sides are multiples of this'),
  patch: pixels.optional().describe('cells a side of an image token'),
  max_side: pixels.optional(),
  sizes: z.array(z.string()).optional().describe('WIDTHxHEIGHT that suit the model'),
  system_prompts: z
    .array(z.string())
    .optional()
    .describe('names of system prompts that the model can follow'),
  defaults: z.record(z.string(), z.unknown()).optional().describe('of what a request leaves out'),
});

export const capabilitiesSchema = z.object({
  object: z.literal('capabilities'),
  models: z.array(modelCapabilities),
  settings: z.record(z.string(), z.unknown()).describe('fields of a request, as JSON Schema'),
  solvers: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      fields: z.array(z.string()).describe('settings that it reads'),
      least_steps: z.number().int(),
    }),
  ),
  system_prompts: z.array(z.string()),
  output_formats: z.array(format),
  limits: z.object({ n: count, steps: count, pixels: count, prompt_characters: count, queue: count }),
  auth: z.boolean().describe('whether callers must send a key'),
  version: z.string(),
});

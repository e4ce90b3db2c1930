/** What `providerOptions.svgT2I` of the AI SDK may say, and how its provider is made. */
import { z } from 'zod';
import { settingsSchemaOf } from './request.js';
import { OUTPUT_FORMATS } from './sample.js';

/** Sides are held to the model's cells where it is known: in process by the pipeline, else by the server. */
const settings = settingsSchemaOf(undefined).omit({ count: true });

export const aiOptionsSchema = settings.extend({
  class: z
    .union([z.number().int().min(0), z.string().min(1)])
    .optional()
    .describe('what a class-conditional model draws, in place of a prompt'),
  format: z.enum(OUTPUT_FORMATS).default('png').describe('of the files'),
  quality: z.number().int().min(1).max(100).optional().describe('of jpeg and webp'),
});

/** Where a server is reached. */
export const aiServerSchema = z.strictObject({
  baseURL: z
    .url({ protocol: /^https?$/, error: 'must be the address of a server, such as http://127.0.0.1:7860' })
    .describe('of `svg-t2i serve`, with or without /v1'),
  apiKey: z.string().min(1).optional().describe('sent as a Bearer token'),
  headers: z.record(z.string(), z.string()).optional().describe('sent with every request'),
  fetch: z
    .custom<typeof globalThis.fetch>((value) => typeof value === 'function', { error: 'must be a function' })
    .optional()
    .describe('in place of the global fetch'),
});

/** A picture's size as the AI SDK writes it. */
export const aiSizeSchema = z
  .string()
  .regex(/^\d{1,5}x\d{1,5}$/, { error: 'must be WIDTHxHEIGHT in pixels, such as 1024x1024' });
export const aiAspectRatioSchema = z
  .string()
  .regex(/^(\d+(\.\d+)?):(\d+(\.\d+)?)$/, { error: 'must be WIDTH:HEIGHT, such as 16:9' })
  .refine((ratio) => ratio.split(':').every((side) => Number(side) > 0), {
    error: 'must have sides above 0',
  });

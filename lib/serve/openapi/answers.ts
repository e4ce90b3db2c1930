/** What the server answers, as schemas: /openapi.json shows them, and tests hold the answers against them. */
import { z } from 'zod';
import { OUTPUT_FORMATS } from '../../config/sample.js';

const format = z.enum(OUTPUT_FORMATS);
const unixSeconds = z.number().int().describe('Unix time in seconds');
const base64 = z.string().describe('the file in base64, without a data: prefix');
const seed = z.number().int().min(0).describe('draws the same picture again');

export const errorObject = z.object({
  message: z.string(),
  type: z.enum(['invalid_request_error', 'authentication_error', 'rate_limit_error', 'server_error']),
  param: z.string().nullable().describe('the field that is wrong'),
  code: z.string().describe('stable, in snake_case'),
});
export const errorAnswer = z.object({ error: errorObject });

const settled = {
  background: z.literal('opaque'),
  quality: z.enum(['low', 'medium', 'high']),
  size: z.string().describe('WIDTHxHEIGHT in pixels'),
  output_format: format,
};

export const imagesAnswerSchema = z.object({
  created: unixSeconds,
  ...settled,
  data: z.array(
    z.object({
      b64_json: base64.optional(),
      url: z.url().optional().describe('where response_format is url; kept as long as the job'),
      seed,
    }),
  ),
});

export const imageStreamEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('image_generation.partial_image'),
    b64_json: base64,
    partial_image_index: z.number().int().min(0).describe('of its picture, from 0'),
    created_at: unixSeconds,
    ...settled,
    index: z.number().int().min(0).describe('of the picture, from 0'),
  }),
  z.object({
    type: z.literal('image_generation.completed'),
    b64_json: base64,
    created_at: unixSeconds,
    ...settled,
    index: z.number().int().min(0).describe('of the picture, from 0'),
    seed,
    usage: z
      .object({
        input_tokens: z.number().int(),
        input_tokens_details: z.object({ image_tokens: z.number().int(), text_tokens: z.number().int() }),
        output_tokens: z.number().int(),
        total_tokens: z.number().int(),
      })
      .describe('always 0: nothing is charged'),
  }),
  z.object({ type: z.literal('error'), error: errorObject }),
]);

export const modelAnswerSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: unixSeconds,
  owned_by: z.string(),
});
export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelAnswerSchema) });

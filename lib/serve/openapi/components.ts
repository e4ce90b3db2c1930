/** Schemas that have a name in /openapi.json: what may be written in requests, and what answers hold. */
import { z } from 'zod';
import { a1111OptionsSchema, txt2imgSchema } from '../../config/a1111-request.js';
import { drawBodySchema } from '../../config/draw-request.js';
import {
  errorAnswer,
  imageStreamEvent,
  imagesAnswerSchema,
  modelAnswerSchema,
  modelListSchema,
} from './answers.js';
import { capabilitiesSchema, jobEventSchema, jobListSchema, jobSchema } from './native-answers.js';

/** Schemas that have a name in the document; of a request what may be written, of an answer what is. */
export const COMPONENTS = {
  ImageRequest: { schema: loose(drawBodySchema), io: 'input' },
  JobRequest: { schema: nullable(drawBodySchema), io: 'input' },
  Txt2imgRequest: { schema: txt2imgSchema, io: 'input' },
  A1111Options: { schema: a1111OptionsSchema, io: 'input' },
  Images: { schema: imagesAnswerSchema, io: 'output' },
  ImageStreamEvent: { schema: imageStreamEvent, io: 'output' },
  Model: { schema: modelAnswerSchema, io: 'output' },
  ModelList: { schema: modelListSchema, io: 'output' },
  Job: { schema: jobSchema, io: 'output' },
  JobList: { schema: jobListSchema, io: 'output' },
  JobEvent: { schema: jobEventSchema, io: 'output' },
  Capabilities: { schema: capabilitiesSchema, io: 'output' },
  Error: { schema: errorAnswer, io: 'output' },
} as const satisfies Readonly<Record<string, { schema: z.ZodType; io: 'input' | 'output' }>>;

export type ComponentName = keyof typeof COMPONENTS;

/** A body in which null counts as left out. */
function nullable(schema: typeof drawBodySchema) {
  const fields = Object.entries(schema.shape).map(([key, field]) => [key, field.nullish()]);
  return z.strictObject({
    ...(Object.fromEntries(fields) as Readonly<Record<string, z.ZodType>>),
    extra_body: z
      .record(z.string(), z.unknown())
      .nullish()
      .describe('its fields count as if they stood outside'),
  });
}

/** One that takes what it does not know, too. */
function loose(schema: typeof drawBodySchema) {
  return z.looseObject(nullable(schema).shape);
}

/** A request for pictures as programs write it in JSON: OpenAI's fields and ours, in snake_case. */
import { z } from 'zod';
import { SvgT2IError } from '../errors.js';
import { settingsSchema } from './request.js';
import { OUTPUT_FORMATS } from './sample.js';
import type { Settings } from './settings.js';
import { shown, unwrap, validate } from './validate.js';

/** Above every limit that a server may set; the server's own is checked where the model is known. */
const MAX_PICTURES = 1000;
const MAX_SIDE = 65_536;
/** Of models and classes: what looks for the nearest one takes time by its length. */
const MAX_NAME_CHARACTERS = 200;
/** Other services have some fields that mean nothing here; nobody has hundreds. */
const MAX_UNKNOWN_KEYS = 100;
/** Pictures on their way that OpenAI's clients can ask for. */
export const MAX_PARTIAL_IMAGES = 3;

const SIZE = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/;

/** A setting of pictures without its default: what a body leaves out is the model's to say. */
function given<Inner extends z.ZodType>(schema: z.ZodDefault<Inner>) {
  return (schema.unwrap() as Inner).optional().describe(schema.description ?? '');
}

const { shape } = settingsSchema;
const side = (name: string) => z.number().int().min(1).max(MAX_SIDE).optional().describe(`${name} in pixels`);

/** Body key -> the setting that it is. */
const SETTING_OF = {
  // Its shorter name comes first: where both are given, the longer one counts.
  steps: 'steps',
  num_inference_steps: 'steps',
  guidance_scale: 'guidanceScale',
  guidance_mode: 'guidanceMode',
  guidance_from: 'guidanceFrom',
  guidance_until: 'guidanceUntil',
  guidance_schedule: 'guidanceSchedule',
  negative_prompt: 'negativePrompt',
  system_prompt: 'systemPrompt',
  solver: 'solver',
  order: 'order',
  method: 'method',
  skip_type: 'skipType',
  shift: 'shift',
  atol: 'atol',
  rtol: 'rtol',
  renorm: 'renorm',
  step_cache: 'stepCache',
  step_cache_rescale: 'stepCacheRescale',
  width: 'width',
  height: 'height',
} as const satisfies Readonly<Record<string, keyof Settings>>;

/** The body of `POST /v1/jobs` and `POST /v1/images/generations`; null counts as left out. */
export const drawBodySchema = z.strictObject({
  prompt: z.string().optional().describe('what to draw'),
  class: z
    .union([z.number().int().min(0), z.string().min(1).max(MAX_NAME_CHARACTERS)])
    .optional()
    .describe('what a class-conditional model draws, by number or name; where left out, the prompt names it'),
  model: z
    .string()
    .min(1)
    .max(MAX_NAME_CHARACTERS)
    .optional()
    .describe('one of GET /v1/models; any name where one model is served'),
  n: z.number().int().min(1).max(MAX_PICTURES).default(1).describe('pictures'),
  size: z
    .string()
    .regex(/^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$/, { error: 'must be WIDTHxHEIGHT in pixels, or auto' })
    .optional()
    .describe("WIDTHxHEIGHT in pixels; auto: the model's own"),
  width: side('width'),
  height: side('height'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('of the first picture, the others count on from it; another one each time where left out'),
  num_inference_steps: given(shape.steps),
  steps: given(shape.steps).describe('the same as num_inference_steps'),
  guidance_scale: given(shape.guidanceScale),
  guidance_mode: given(shape.guidanceMode),
  guidance_from: given(shape.guidanceFrom),
  guidance_until: given(shape.guidanceUntil),
  guidance_schedule: given(shape.guidanceSchedule),
  negative_prompt: given(shape.negativePrompt),
  system_prompt: given(shape.systemPrompt),
  solver: given(shape.solver),
  order: given(shape.order),
  method: given(shape.method),
  skip_type: given(shape.skipType),
  shift: shape.shift,
  atol: given(shape.atol),
  rtol: given(shape.rtol),
  renorm: given(shape.renorm),
  step_cache: given(shape.stepCache),
  step_cache_rescale: given(shape.stepCacheRescale),
  response_format: z.enum(['b64_json', 'url']).default('b64_json').describe('of the pictures in the answer'),
  output_format: z.enum(OUTPUT_FORMATS).default('png').describe('of the pictures'),
  output_compression: z
    .number()
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe('quality of jpeg and webp, as OpenAI counts it: 100 is the best'),
  stream: z.boolean().default(false).describe('answer with server-sent events (/v1/images/generations)'),
  partial_images: z
    .number()
    .int()
    .min(0)
    .max(MAX_PARTIAL_IMAGES)
    .optional()
    .describe('previews of each picture, spread over its steps'),
  preview_every: z.number().int().min(0).max(1000).optional().describe('steps from one preview to the next'),
  user: z.string().optional().describe('taken and not used'),
  quality: z.string().optional().describe('taken and not used'),
  style: z.string().optional().describe('taken and not used'),
  moderation: z.string().optional().describe('taken and not used'),
  background: z
    .string()
    .regex(/^(auto|opaque)$/, { error: 'must be auto or opaque: pictures have no transparency' })
    .optional()
    .describe('auto or opaque: pictures have no transparency'),
});

/** As a program writes it. */
export type DrawBody = z.input<typeof drawBodySchema>;

/** A request for pictures that is well-formed; whether the model can draw it, the model says. */
export interface DrawRequest {
  /** As it was asked for. */
  readonly model: string | undefined;
  readonly prompt: string | undefined;
  readonly class: number | string | undefined;
  /** Pictures. */
  readonly n: number;
  /** Of the first picture; undefined: any. */
  readonly seed: number | undefined;
  /** What the body says of them; the rest is the model's. */
  readonly settings: Settings;
  readonly format: (typeof OUTPUT_FORMATS)[number];
  /** 1 to 100, of jpeg and webp. */
  readonly quality: number | undefined;
  readonly responseFormat: 'b64_json' | 'url';
  readonly stream: boolean;
  /** Previews of each picture, spread over its steps. */
  readonly previews: number;
  /** Steps from one preview to the next, in place of `previews`. */
  readonly previewEvery: number | undefined;
}

/** Whether unknown keys are an error, or are left out and listed. */
export interface ParseHow {
  readonly unknown: 'refuse' | 'ignore';
}

/**
 * Reads a body. Null counts as left out, `extra_body` as if its entries stood at the top, numbers and booleans may be texts.
 *
 * @returns the request, and the unknown keys that were left out
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, whose message begins with the key
 */
export function parseDrawRequest(
  body: unknown,
  { unknown }: ParseHow,
): { readonly request: DrawRequest; readonly ignored: readonly string[] } {
  if (!isTree(body)) {
    throw invalid(`the body must be a JSON object with a prompt, got ${shown(body)}`);
  }
  const { extra_body: extra, ...top } = body;
  if (extra !== undefined && extra !== null && !isTree(extra)) {
    throw invalid(`extra_body: must be an object, got ${shown(extra)}`);
  }
  const fields = normalised({ ...(isTree(extra) ? said(extra) : {}), ...said(top) });
  const isKnown = (key: string) => Object.hasOwn(drawBodySchema.shape, key);
  const ignored = Object.keys(fields).filter((key) => !isKnown(key));
  if (ignored.length > MAX_UNKNOWN_KEYS) {
    throw invalid(`the body has ${ignored.length} keys that nobody knows, more than ${MAX_UNKNOWN_KEYS}`);
  }
  const known =
    unknown === 'refuse'
      ? fields
      : Object.fromEntries(Object.entries(fields).filter(([key]) => isKnown(key)));
  const checked = validate(drawBodySchema, known, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  return { request: requestOf(checked), ignored: unknown === 'refuse' ? [] : ignored };
}

function requestOf(body: z.output<typeof drawBodySchema>): DrawRequest {
  const { prompt, class: ofClass, output_compression: compression } = body;
  if (prompt === undefined && ofClass === undefined) throw invalid('prompt: must be a text, got nothing');
  const settings = Object.entries(SETTING_OF).flatMap(([key, setting]) => {
    const value = body[key as keyof typeof SETTING_OF];
    return value === undefined ? [] : [[setting, value]];
  });
  return {
    model: body.model,
    // Clients that cannot leave it out send an empty one beside a class.
    prompt: prompt === '' && ofClass !== undefined ? undefined : prompt,
    class: ofClass,
    n: body.n,
    seed: body.seed,
    settings: { ...(Object.fromEntries(settings) as Settings), ...sidesOf(body) },
    format: body.output_format,
    quality: compression === undefined ? undefined : Math.max(1, compression),
    responseFormat: body.response_format,
    stream: body.stream,
    previews: body.partial_images ?? 0,
    previewEvery: body.preview_every,
  };
}

function sidesOf({ size, width, height }: z.output<typeof drawBodySchema>): Settings {
  const [, wide, high] = SIZE.exec(size ?? '') ?? [];
  if (wide === undefined || high === undefined) return {};
  if (width !== undefined || height !== undefined) {
    throw invalid('size: was given beside width or height; one of them is enough');
  }
  return { width: Number(wide), height: Number(high) };
}

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without what is null: clients send fields of theirs that way where nobody set them. */
function said(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).filter(
      ([key, value]) => value !== null && value !== undefined && key !== '__proto__',
    ),
  );
}

function normalised(fields: Tree): Tree {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, typed(key, value)]));
}

/** Forms, and programs that fill in templates, write numbers and booleans as texts. */
function typed(key: string, value: unknown): unknown {
  if (typeof value !== 'string' || !Object.hasOwn(drawBodySchema.shape, key)) return value;
  const schema = unwrap(drawBodySchema.shape[key as keyof typeof drawBodySchema.shape]);
  if (schema instanceof z.ZodNumber && value.trim() !== '' && Number.isFinite(Number(value)))
    return Number(value);
  if (schema instanceof z.ZodBoolean && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  return value;
}

function invalid(message: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message);
}

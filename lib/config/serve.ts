/** How `svg-t2i serve` serves: where it listens, which models, what it lets callers ask for, whom it lets in. */
import { z } from 'zod';
import { DEFAULT_MAX_BATCH_TOKENS, maxBatchTokensSchema } from './batch-tokens.js';
import type { ConfigKeys } from './load.js';
import { modelSchema } from './model.js';

export const LOG_KINDS = ['pretty', 'json', 'off'] as const;
export type LogKind = (typeof LOG_KINDS)[number];

const MIB = 1024 ** 2;

/** One of `models`. */
export const servedModelSchema = modelSchema.extend({
  name: z
    .string()
    .regex(/^[\w][\w.:/@-]{0,127}$/, { error: 'must be letters, digits and . _ : / @ - alone' })
    .optional()
    .describe('what requests call it; the last part of the folder or name where not given'),
});

const { shape: model } = modelSchema;
/** Of every served model that does not say otherwise. */
const ofModels = {
  device: model.device
    .unwrap()
    .optional()
    .describe(model.device.description ?? ''),
  dtype: model.dtype
    .unwrap()
    .optional()
    .describe(model.dtype.description ?? ''),
  threads: model.threads,
  offload: model.offload
    .unwrap()
    .optional()
    .describe(model.offload.description ?? ''),
};

/** A host name, or an origin without its path. */
const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;
const ORIGIN = /^(\*|https?:\/\/[^/\s*]+)$/;

/** Keys that are guessed in no time are no protection. */
export const LEAST_KEY_LENGTH = 16;
export const apiKeySchema = z.string().regex(new RegExp(`^[\\x21-\\x7e]{${LEAST_KEY_LENGTH},512}$`), {
  error: `must have at least ${LEAST_KEY_LENGTH} characters without spaces, as openssl rand -hex 32 makes them`,
});

export const serveSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('address or name to listen at'),
  port: z.number().int().min(0).max(65_535).default(7860).describe('port to listen at; 0: one that is free'),
  models: z
    .array(servedModelSchema)
    .default([])
    .describe(
      '[NAME=]FOLDER or a name that `svg-t2i pull` has fetched; may be repeated (default: the embedded one)',
    ),
  ...ofModels,
  apiKey: apiKeySchema
    .optional()
    .describe('key that callers must send; other users of this machine see it, so --api-key-file is better'),
  apiKeyFile: z.string().min(1).optional().describe('file with keys that callers may send, one a line'),
  insecure: z.boolean().default(false).describe('listen beyond this machine without a key'),
  allowHost: z
    .array(z.string().regex(HOST, { error: 'must be a host name, without port' }))
    .default([])
    .describe('further name that callers may call this server by; may be repeated'),
  cors: z
    .array(z.string().regex(ORIGIN, { error: 'must be http(s)://HOST[:PORT], or *' }))
    .default([])
    .describe('origin whose pages may call this server from a browser; may be repeated'),
  trustProxy: z
    .boolean()
    .default(false)
    .describe('tell callers apart by X-Forwarded-For, as a proxy in front of this server sets it'),
  maxBatchTokens: maxBatchTokensSchema
    .default(DEFAULT_MAX_BATCH_TOKENS)
    .describe('image tokens that are drawn together; a 1024x1024 picture of the published models has 4096'),
  maxBatch: z.number().int().min(1).max(256).default(16).describe('pictures that are drawn together'),
  maxQueue: z.number().int().min(0).max(100_000).default(100).describe('requests that may wait'),
  maxPictures: z.number().int().min(1).max(1000).default(10).describe('pictures a request'),
  maxSteps: z.number().int().min(1).max(1000).default(200).describe('steps a picture'),
  maxPixels: z
    .number()
    .int()
    .min(1)
    .default(2048 * 2048)
    .describe('pixels a picture'),
  maxPromptCharacters: z.number().int().min(1).default(4000).describe('characters of a text in a request'),
  maxBodyBytes: z.number().int().min(1024).default(MIB).describe("bytes of a request's body"),
  maxConnections: z.number().int().min(1).default(512).describe('connections at a time'),
  stallSeconds: z
    .number()
    .min(0.1)
    .max(3600)
    .default(30)
    .describe(
      'seconds after which a caller is dropped who sends or takes nothing in the middle of a message',
    ),
  drainSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(30)
    .describe('seconds that running pictures have to finish where the server is stopped'),
  keepSeconds: z.number().min(0).max(86_400).default(600).describe('seconds that a finished job is kept'),
  keepBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * MIB)
    .describe('bytes of pictures of finished jobs that are kept, the newest'),
  log: z.enum(LOG_KINDS).default('pretty').describe('pretty, json or off: one line a request, on stderr'),
  logPrompts: z.boolean().default(false).describe('also log what was asked for, prompts included'),
});

/** What is special about its values in a file and in the environment. */
export const serveKeys: ConfigKeys = {
  paths: [
    'apiKeyFile',
    ...['pretrained', 'dit', 'weakDit', 'autoencoder', 'textEncoder', 'statistics', 'classNames'].map(
      (part) => `models.*.${part}`,
    ),
  ],
  names: ['pretrained', 'dit', 'weakDit', 'autoencoder', 'textEncoder'].map((part) => `models.*.${part}`),
  environment: {
    SVG_T2I_API_KEY: 'apiKey',
    SVG_T2I_DEVICE: 'device',
    SVG_T2I_DTYPE: 'dtype',
    SVG_T2I_THREADS: 'threads',
  },
};

/** With every default filled in. */
export type ServeConfig = z.output<typeof serveSchema>;

/** What `svg-t2i estimate` is asked beside the settings of a picture. */
import { z } from 'zod';
import { VELOCITY_MODELS } from '../facts.js';
import { keysOf } from './defined.js';
import { MAX_CAPTION_TOKENS } from './request.js';

/** A published size: which transformer, and its dimensions. */
export interface PublishedModel {
  readonly kind: keyof typeof VELOCITY_MODELS;
  readonly dimensions: { readonly in_channels: number };
}

/** Every published transformer by the name that estimate knows it by: 2B, svg-XL, rae_ditdh_xl. */
export const PUBLISHED_MODELS: Readonly<Record<string, PublishedModel>> = Object.fromEntries(
  keysOf(VELOCITY_MODELS).flatMap((kind) =>
    Object.entries(VELOCITY_MODELS[kind].presets).map(([name, dimensions]) => [
      kind === 'svg' ? `svg-${name}` : name,
      { kind, dimensions },
    ]),
  ),
);

const NAMES = Object.keys(PUBLISHED_MODELS);
const byLower = new Map(NAMES.map((name) => [name.toLowerCase(), name]));

/** Prompts of this length are counted where nobody says another. */
const USUAL_PROMPT_TOKENS = 128;

export const estimateSchema = z.strictObject({
  model: z
    .string()
    .transform((name) => byLower.get(name.toLowerCase()) ?? name)
    .pipe(z.enum(NAMES as [string, ...string[]]))
    .optional()
    .describe(`a published size in place of weights: ${NAMES.join(', ')}`),
  prompts: z.number().int().min(1).max(100_000).default(1).describe('how many prompts'),
  promptTokens: z
    .number()
    .int()
    .min(1)
    .max(MAX_CAPTION_TOKENS)
    .default(USUAL_PROMPT_TOKENS)
    .describe('length of a prompt in tokens, the system prompt included'),
  probeSeconds: z
    .number()
    .min(0)
    .max(60)
    .default(1)
    .describe('how long this machine is tried; 0 counts, and measures nothing'),
});

export type EstimateConfig = z.output<typeof estimateSchema>;

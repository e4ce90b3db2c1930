/** What SvgT2I.load() takes: the model's options and what only a program can give. */
import { z } from 'zod';
import { maxBatchTokensSchema } from '../config/batch-tokens.js';
import { modelSchema, type ResolvedModelOptions } from '../config/model.js';
import { pathOf } from '../config/paths.js';
import { shown, validate } from '../config/validate.js';
import { callbackSchema, signalSchema } from '../config/values.js';
import { SvgT2IError } from '../errors.js';
import type { LoadEvent, LoadOptions } from '../release/types.js';

export const loadOptionsSchema = modelSchema.extend({
  parts: z
    .array(z.enum(['textEncoder', 'dit', 'autoencoder', 'statistics']))
    .min(1)
    .optional(),
  maxBatchTokens: maxBatchTokensSchema.optional(),
  niceness: z.number().int().min(0).max(19).optional(),
  signal: signalSchema.optional(),
  onProgress: callbackSchema<(event: LoadEvent) => void>().optional(),
});

const PATHS = [
  'pretrained',
  'dit',
  'weakDit',
  'autoencoder',
  'textEncoder',
  'statistics',
  'classNames',
] as const;

/** How a release is loaded, whichever it is. */
export type LoadHow = Pick<LoadOptions, 'parts' | 'maxBatchTokens' | 'niceness' | 'signal' | 'onProgress'>;

/**
 * What is loaded, and how.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function checkLoadOptions(options: LoadOptions): {
  readonly model: ResolvedModelOptions;
  readonly how: LoadHow;
} {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `load() takes an object, got ${shown(options)}`, {
      hint: "For example SvgT2I.load({ pretrained: 'pre-trained' }).",
    });
  }
  const checked = validate(loadOptionsSchema, withPlainPaths(options), {
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
  });
  const { parts, maxBatchTokens, niceness, signal, onProgress, ...model } = checked;
  return { model, how: { parts, maxBatchTokens, niceness, signal, onProgress } };
}

/** With paths in place of `file:` URLs. */
export function withPlainPaths(options: object): Record<string, unknown> {
  const plain: Record<string, unknown> = { ...options };
  for (const key of PATHS) if (plain[key] !== undefined) plain[key] = pathOf(plain[key], key);
  return plain;
}

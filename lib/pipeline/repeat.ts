/** From the parameters that a picture carries to the request that draws it again. */
import { DTYPES, type Dtype } from '../config/model.js';
import { settingsSchema, settingsWithRules } from '../config/request.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import type { ImageParameters } from '../image/parameters.js';

/** Settings of a run, of which a single picture says nothing. */
const OF_A_RUN: ReadonlySet<string> = new Set(['count', 'batchSize', 'seedMode']);

export interface Repetition {
  /** Undefined where the picture had no room for all of it. */
  readonly prompt: string | undefined;
  /** Of one picture. */
  readonly settings: Settings;
  /** That of its models. */
  readonly dtype: Dtype | undefined;
  readonly warnings: readonly string[];
}

/**
 * What draws a picture again; `name` is what messages call it.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE for the parameters of a grid, ERR_SVGT2I_INVALID_CONFIG for values that no
 *   picture has
 */
export function repetitionOf(parameters: ImageParameters, name = 'the picture'): Repetition {
  if (Array.isArray(parameters.pictures)) {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} is a grid of ${parameters.pictures.length} pictures`, {
      hint: 'Repeat one of its pictures; svg-t2i info shows the seed of each.',
    });
  }
  const known = Object.keys(settingsSchema.shape).filter((key) => !OF_A_RUN.has(key));
  const given = known.filter((key) => parameters[key] !== undefined);
  const stored = Object.fromEntries(given.map((key) => [key, parameters[key]]));
  const complete: Readonly<Record<string, unknown>> = validate(settingsWithRules, stored, { source: name });
  const { prompt, dtype } = parameters;
  if (prompt !== undefined && typeof prompt !== 'string') {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${name}: prompt: must be a text`);
  }
  return {
    prompt: parameters.shortened === true ? undefined : prompt,
    settings: { ...Object.fromEntries(given.map((key) => [key, complete[key]])), count: 1 },
    dtype: DTYPES.find((known) => known === dtype),
    warnings:
      parameters.noise === undefined
        ? []
        : [`${name} was drawn from noise that its maker gave; its seed draws another one`],
  };
}

/**
 * The request of the API that draws a picture again, from the parameters that `readParameters` finds in it. The models
 * must be those that it was drawn with.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE for a grid, or a picture whose prompt is cut; ERR_SVGT2I_INVALID_CONFIG
 */
export function requestFromParameters(parameters: ImageParameters): Settings & { prompt: string } {
  const { prompt, settings } = repetitionOf(parameters);
  if (prompt === undefined) throw noPrompt('the picture');
  return { ...settings, prompt };
}

export function noPrompt(name: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} had no room for its whole prompt`, {
    hint: 'Give the prompt again; the settings are there.',
  });
}

/** From the parameters that a picture carries to the request that draws it again. */
import { DTYPES, type ModelOptions } from '../config/model.js';
import { settingsSchema, settingsWithRulesOf } from '../config/request.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import type { ImageParameters } from '../image/parameters.js';

/** Settings of a run, of which a single picture says nothing. */
const OF_A_RUN: ReadonlySet<string> = new Set(['count', 'batchSize', 'seedMode']);

/** What a picture without room for all of it cuts. */
const TEXTS = ['prompt', 'negativePrompt', 'systemPrompt'] as const;

export interface Repetition {
  /** Undefined where the picture had no room for all of it. */
  readonly prompt: string | undefined;
  /** Of a picture of a class, of which the prompt is but its name. */
  readonly class: number | undefined;
  /** Of one picture; without texts that it had no room for. */
  readonly settings: Settings;
  /** Names of the texts that it had no room for. */
  readonly cut: readonly (typeof TEXTS)[number][];
  /** How its models were loaded, as far as it says. */
  readonly models: Pick<ModelOptions, 'dtype' | 'attentionSoftCap'>;
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
  const cut = cutTexts(parameters);
  const left = new Set<string>([...OF_A_RUN, ...cut]);
  const known = Object.keys(settingsSchema.shape).filter((key) => !left.has(key));
  const given = known.filter((key) => parameters[key] !== undefined);
  const stored = Object.fromEntries(given.map((key) => [key, parameters[key]]));
  // Its sides are multiples of the cells of its models, which are another matter.
  const schema = settingsWithRulesOf(undefined);
  const complete: Readonly<Record<string, unknown>> = validate(schema, stored, { source: name });
  const { prompt, class: ofClass, dtype, attentionSoftCap, noise } = parameters;
  if (prompt !== undefined && typeof prompt !== 'string') {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${name}: prompt: must be a text`);
  }
  if (ofClass !== undefined && (typeof ofClass !== 'number' || !Number.isInteger(ofClass) || ofClass < 0)) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${name}: class: must be a whole number from 0 on`);
  }
  return {
    class: ofClass,
    prompt: cut.includes('prompt') ? undefined : prompt,
    settings: { ...Object.fromEntries(given.map((key) => [key, complete[key]])), count: 1 },
    cut,
    models: {
      dtype: DTYPES.find((known) => known === dtype),
      attentionSoftCap: typeof attentionSoftCap === 'boolean' ? attentionSoftCap : undefined,
    },
    warnings: [
      ...(noise === undefined
        ? []
        : [`${name} was drawn from noise that its maker gave; its seed draws another one`]),
      ...cut
        .filter((text) => text !== 'prompt')
        .map((text) => `${name} had no room for its whole ${text}, which is not repeated: give it again`),
    ],
  };
}

/** Cut are the longest texts, all to one length: what is shorter is whole. */
function cutTexts(parameters: ImageParameters): readonly (typeof TEXTS)[number][] {
  if (parameters.shortened !== true) return [];
  const lengthOf = (value: unknown) => (typeof value === 'string' ? value.length : 0);
  const longest = Math.max(...Object.values(parameters).map(lengthOf));
  return TEXTS.filter((text) => lengthOf(parameters[text]) === longest);
}

/** A prompt, or the class that was drawn. */
export type RepeatedRequest =
  | (Settings & { prompt: string; class?: undefined })
  | (Settings & { class: number; prompt?: undefined });

/**
 * The request of the API that draws a picture again, from the parameters that `readParameters` finds in it. The models
 * must be those that it was drawn with, loaded with its `dtype` and `attentionSoftCap`.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE for a grid, or a picture that had no room for its whole prompt, negative prompt or
 *   system prompt; ERR_SVGT2I_INVALID_CONFIG for values that this version does not know
 *
 * @example
 * const parameters = await readParameters(await readFile('fox.png'));
 * if (parameters) await pipe.generate({ ...requestFromParameters(parameters), steps: 80 });
 */
export function requestFromParameters(parameters: ImageParameters): RepeatedRequest {
  const { prompt, class: ofClass, settings, cut } = repetitionOf(parameters);
  if (ofClass !== undefined) return { ...settings, class: ofClass };
  if (prompt === undefined) throw noPrompt('the picture');
  if (cut.length > 0) {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `the picture had no room for its whole ${cut.join(', ')}`, {
      hint: 'Pass its parameters with the whole text, and without `shortened`.',
    });
  }
  return { ...settings, prompt };
}

export function noPrompt(name: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} had no room for its whole prompt`, {
    hint: 'Give the prompt again; the settings are there.',
  });
}

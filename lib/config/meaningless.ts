/** Settings of training that say nothing to the kind of model that is trained: refused by name, not passed over. */
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { DEFAULT_SYSTEM_PROMPT } from './request.js';

export const USUAL_CAPTION_TOKENS = 256;
/** Of the grids that a run draws. */
export const USUAL_SAMPLES = {
  prompts: ['a red fox in the snow', 'a bowl of fruit on a wooden table', 'a city street at night'],
  classes: [207, 360, 387, 974],
} as const;

interface Setting {
  readonly path: readonly string[];
  /** What stands there where nobody said anything. */
  readonly usual?: unknown;
  readonly fix: string;
}

const CAPTIONS_FIX = 'Leave it out: what a class-conditional model is told is the folder of each picture.';
const ENCODER_FIX = 'Leave it out: no text encoder is loaded.';
const CLASSES_FIX = 'Leave it out, and say with samples.classes which classes are drawn.';
const PROMPTS_FIX = 'Leave it out, and say with samples.prompts what is drawn.';

/**
 * Only a model that reads captions follows these. And frozen.attentionSoftCap, which is passed over: earlier versions wrote
 * it into config.yaml of every run, and such a run can still be gone on with.
 */
const OF_TEXT: readonly Setting[] = [
  { path: ['captions', 'maxTokens'], usual: USUAL_CAPTION_TOKENS, fix: CAPTIONS_FIX },
  { path: ['frozen', 'textEncoder'], fix: ENCODER_FIX },
  { path: ['frozen', 'offload'], usual: false, fix: ENCODER_FIX },
  { path: ['samples', 'prompts'], usual: USUAL_SAMPLES.prompts, fix: CLASSES_FIX },
  { path: ['samples', 'systemPrompt'], usual: DEFAULT_SYSTEM_PROMPT, fix: CLASSES_FIX },
];
/** Of each of data.sets. */
const OF_CAPTIONED_SETS = ['systemPrompt', 'prompt'] as const;

/** Only a class-conditional model follows these. */
const OF_CLASSES: readonly Setting[] = [
  { path: ['samples', 'classes'], usual: USUAL_SAMPLES.classes, fix: PROMPTS_FIX },
];

interface Trained {
  readonly model: { readonly kind?: string | undefined };
  readonly data: { readonly sets: readonly object[] };
}

/** A value that is the default may not have been given at all; it changes nothing either way. */
export function refuseMeaningless(config: Trained, context: z.RefinementCtx): void {
  const ofClasses = config.model.kind === 'svg';
  const what = ofClasses ? 'model.kind svg, which reads no text' : 'a model that draws from text';
  const refuse = (path: readonly (string | number)[], input: unknown, hint: string) =>
    context.addIssue({
      code: 'custom',
      path: [...path],
      message: `means nothing to ${what}`,
      input,
      params: { hint },
    });
  for (const { path, usual, fix } of ofClasses ? OF_TEXT : OF_CLASSES) {
    const value = valueAt(config, path);
    if (value !== undefined && !isDeepStrictEqual(value, usual)) refuse(path, value, fix);
  }
  if (!ofClasses) return;
  for (const [index, set] of config.data.sets.entries()) {
    for (const key of OF_CAPTIONED_SETS) {
      const value = valueAt(set, [key]);
      if (value !== undefined) refuse(['data', 'sets', index, key], value, CAPTIONS_FIX);
    }
  }
}

function valueAt(tree: object, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key],
    tree,
  );
}

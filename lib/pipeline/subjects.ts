/** What the pictures of a request show: prompts, or classes, as the loaded model wants. */
import { DEFAULT_SYSTEM_PROMPT, type ResolvedRequest } from '../config/request.js';
import { SvgT2IError } from '../errors.js';
import { type ClassNames, type ClassSubject, resolveClass } from '../release/class-names.js';
import type { DitKind } from '../release/dit-kind.js';
import type { ReleaseLayout } from '../release/layout.js';
import type { Loaded } from '../release/load.js';

/** What a run draws, `count` pictures of each. */
export interface Subjects {
  /** As it is told of: the prompt, or the name of the class. */
  readonly prompt: string[];
  /** Of a class-conditional model: one for each of `prompt`. */
  readonly classes: readonly ClassSubject[] | undefined;
}

/** What of a request says what to draw. */
type Asked = Pick<ResolvedRequest, 'prompt' | 'class'>;
/** What beside it only a model can follow that reads text. */
type AskedTexts = Pick<ResolvedRequest, 'negativePrompt' | 'systemPrompt'>;

/** Where both are known: of `prompt`, or of `class` with the numbers that names stand for. */
export function subjectsOf(asked: Asked, names: ClassNames | undefined): Subjects {
  if (asked.class === undefined) return { prompt: listed(asked.prompt ?? []), classes: undefined };
  const classes = listed(asked.class).map((each) => resolveClass(each, names));
  return { prompt: classes.map(classText), classes };
}

/**
 * The subjects of a request, for the model that is loaded.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a class where it draws prompts, a prompt or another text where it
 *   draws classes, a class that it has not, a name that nobody knows, guidance of a model that cannot be guided, or a
 *   step cache of one that has none
 */
export function checkSubjects(
  request: Asked & AskedTexts & Pick<ResolvedRequest, 'guidanceScale' | 'stepCache'>,
  loaded: Pick<Loaded, 'kind' | 'models' | 'classNames'> & {
    readonly layout?: Pick<ReleaseLayout, 'weakDit'>;
  },
): Subjects {
  const { kind, models, classNames } = loaded;
  const { classes: count = 0, noneClass = true } = models.dit ?? {};
  checkCondition(request, kind.condition, count);
  if (request.stepCache > 0 && models.dit?.stepCache === false) {
    const message = 'stepCache: this model has no step cache';
    throw refusal(message, 'Leave it out (--step-cache 0), or draw fewer steps (--steps).');
  }
  const subjects = subjectsOf(request, classNames);
  if (kind.condition === 'text') return subjects;
  const unknown = subjects.classes?.find(({ number }) => number >= count);
  if (unknown !== undefined)
    throw refusal(`class: this model has no class ${unknown.number}, it has ${count}`, askForClass(count));
  const { guidanceScale } = request;
  if (!noneClass && guidanceScale !== 1 && loaded.layout?.weakDit === undefined) {
    throw refusal(
      `guidanceScale: ${guidanceScale} moves away from pictures without a class, and this model was trained without them`,
      'Set it to 1 (--guidance 1), or guide by a weaker model (weakDit, --weak-dit).',
    );
  }
  return subjects;
}

/**
 * Whether a model of this condition can draw what is asked for; its number of classes is known once it is loaded.
 *
 * @throws SvgT2IError as checkSubjects()
 */
export function checkCondition(
  { class: ofClass, negativePrompt, systemPrompt }: Pick<ResolvedRequest, 'class'> & AskedTexts,
  condition: DitKind['condition'],
  count?: number,
): void {
  if (condition === 'text') {
    if (ofClass === undefined) return;
    const message = 'class: this model draws from text, it knows no classes';
    throw refusal(message, 'Pass a prompt in place of the class.');
  }
  if (ofClass === undefined)
    throw refusal('prompt: this model draws classes, it reads no text', askForClass(count));
  if (negativePrompt !== '') {
    const message = 'negativePrompt: this model draws classes, it reads no text';
    throw refusal(message, 'Leave the negative prompt out.');
  }
  if (systemPrompt !== DEFAULT_SYSTEM_PROMPT) {
    const message = 'systemPrompt: this model draws classes, it reads no text';
    throw refusal(message, 'Leave the system prompt out.');
  }
}

function askForClass(count: number | undefined): string {
  const numbers = count === undefined ? 'a number from 0 on' : `a number from 0 to ${count - 1}`;
  return `Pass a class: ${numbers}, or a name of the file of class names (--class).`;
}

function refusal(message: string, hint: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message, { hint });
}

export function classText({ number, name }: ClassSubject): string {
  return name ?? `class ${number}`;
}

function listed<Value>(value: Value | readonly Value[]): Value[] {
  return Array.isArray(value) ? [...value] : [value as Value];
}

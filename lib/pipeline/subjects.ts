/** What the pictures of a request show: prompts, or classes, as the loaded model wants. */
import type { ResolvedRequest } from '../config/request.js';
import { SvgT2IError } from '../errors.js';
import { type ClassNames, type ClassSubject, resolveClass } from '../release/class-names.js';
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

/** Where both are known: of `prompt`, or of `class` with the numbers that names stand for. */
export function subjectsOf(asked: Asked, names: ClassNames | undefined): Subjects {
  if (asked.class === undefined) return { prompt: listed(asked.prompt ?? []), classes: undefined };
  const classes = listed(asked.class).map((each) => resolveClass(each, names));
  return { prompt: classes.map(classText), classes };
}

/**
 * The subjects of a request, for the model that is loaded.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a class where it draws prompts, a prompt where it draws classes, a
 *   class that it has not, or a name that nobody knows
 */
export function checkSubjects(
  request: Asked & Pick<ResolvedRequest, 'negativePrompt'>,
  { kind, models, classNames }: Pick<Loaded, 'kind' | 'models' | 'classNames'>,
): Subjects {
  const refuse = (message: string, hint: string) =>
    new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message, { hint });
  if (kind.condition === 'text') {
    if (request.class === undefined) return subjectsOf(request, classNames);
    throw refuse(
      'class: this model draws from text, it knows no classes',
      'Pass a prompt in place of the class.',
    );
  }
  const { classes: count = 0 } = models.dit ?? {};
  const ask = `Pass a class: a number from 0 to ${count - 1}, or a name of the file of class names (--class).`;
  if (request.class === undefined) throw refuse('prompt: this model draws classes, it reads no text', ask);
  if (request.negativePrompt !== '') {
    throw refuse(
      'negativePrompt: this model draws classes, it reads no text',
      'Leave the negative prompt out.',
    );
  }
  const subjects = subjectsOf(request, classNames);
  const unknown = subjects.classes?.find(({ number }) => number >= count);
  if (unknown !== undefined)
    throw refuse(`class: this model has no class ${unknown.number}, it has ${count}`, ask);
  return subjects;
}

export function classText({ number, name }: ClassSubject): string {
  return name ?? `class ${number}`;
}

function listed<Value>(value: Value | readonly Value[]): Value[] {
  return Array.isArray(value) ? [...value] : [value as Value];
}

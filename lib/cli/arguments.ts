/** Values of flags that no configuration knows. */
import { SvgT2IError } from '../errors.js';
import { CATEGORIES, type Category } from '../shapes/vocabulary.js';

/**
 * A flag's value, as text or as a number already.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE for anything but a multiple in range
 */
export function parseInteger(
  flag: string,
  given: unknown,
  {
    least,
    most = Number.MAX_SAFE_INTEGER,
    multipleOf = 1,
  }: { readonly least: number; readonly most?: number; readonly multipleOf?: number },
): number {
  const value = typeof given === 'string' && given.trim() === '' ? Number.NaN : Number(given);
  if (value % multipleOf === 0 && value >= least && value <= most) return value;
  const kind = multipleOf === 1 ? 'a whole number' : `a multiple of ${multipleOf}`;
  const limit = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  throw new SvgT2IError(
    'ERR_SVGT2I_USAGE',
    `${flag} ${String(given)}: must be ${kind} from ${least}${limit}`,
  );
}

/** Names with commas between, in the order of the list of all, each once. */
export function parseCategories(text: string): readonly Category[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !CATEGORIES.some((category) => category === name));
  if (unknown === undefined) return CATEGORIES.filter((category) => names.includes(category));
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `--categories: there is no category "${unknown}"`, {
    hint: `The categories are ${CATEGORIES.join(', ')}.`,
  });
}

/** Names of the classes of a class-conditional model: a file with a name a class, and which class is meant by a name. */
import { extname } from 'node:path';
import { nearest } from '../config/nearest.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { readTextSync } from '../regular-file.js';

/** ImageNet's 21,841 synsets with all their synonyms take a megabyte. */
const MAX_BYTES = 16 * 1024 * 1024;

const FORMAT_HINT =
  'A text file has the name of class 0 in its first line, and so on; a .json file is a list of names, or an object of number to name or of name to number. Synonyms stand in one name, with commas between.';

/** One class, as it was asked for. */
export interface ClassSubject {
  readonly number: number;
  /** Undefined where no names are known. */
  readonly name: string | undefined;
}

export class ClassNames {
  readonly #names: ReadonlyMap<number, string>;
  /** By every synonym, in lower case; the first class of a name counts. */
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(names: ReadonlyMap<number, string>) {
    this.#names = names;
    const numbers = new Map<string, number>();
    for (const [number, name] of names) {
      for (const synonym of [name, ...name.split(',')]) {
        const key = normalise(synonym);
        if (key !== '' && !numbers.has(key)) numbers.set(key, number);
      }
    }
    this.#numbers = numbers;
  }

  nameOf(number: number): string | undefined {
    return this.#names.get(number);
  }

  numberOf(name: string): number | undefined {
    return this.#numbers.get(normalise(name));
  }

  /** The known name that is most like another one. */
  nearest(name: string): string | undefined {
    return nearest(name, [...this.#numbers.keys()]);
  }
}

/**
 * Reads a file of class names.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT for a file without names
 */
export function readClassNames(path: string): ClassNames {
  const text = readTextSync(path, { maxBytes: MAX_BYTES }).replace(/^\ufeff/, '');
  const names = extname(path).toLowerCase() === '.json' ? namesOfJson(text, path) : namesOfLines(text);
  if (names.size === 0) throw noNames(path, 'holds no class names');
  return new ClassNames(names);
}

/**
 * The class that is meant by a number, or by a name of `names`.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a name that is not known
 */
export function resolveClass(asked: number | string, names: ClassNames | undefined): ClassSubject {
  const isNumber = typeof asked === 'number' || /^\s*\d+\s*$/.test(asked);
  if (isNumber) return { number: Number(asked), name: names?.nameOf(Number(asked)) };
  if (names === undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `class: "${asked}" is a name, and no names of classes are known`,
      { hint: `Pass a number, or a file of names with --class-names (classNames of load()). ${FORMAT_HINT}` },
    );
  }
  const number = names.numberOf(asked);
  if (number !== undefined) return { number, name: names.nameOf(number) };
  const close = names.nearest(asked);
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `class: no class is called "${asked}"`, {
    ...(close === undefined ? {} : { hint: `Did you mean "${close}"?` }),
  });
}

/** The file's text for these names: what `readClassNames` reads as JSON. */
export function classNamesFile(names: readonly string[]): string {
  return `${JSON.stringify(names, null, 1)}\n`;
}

function namesOfLines(text: string): ReadonlyMap<number, string> {
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  return new Map([...lines.entries()].filter(([, name]) => name !== ''));
}

function namesOfJson(text: string, path: string): ReadonlyMap<number, string> {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (error) {
    throw noNames(path, `is no JSON: ${firstLine(error)}`, error);
  }
  if (typeof tree !== 'object' || tree === null) throw noNames(path, 'holds neither a list nor an object');
  const names = new Map<number, string>();
  for (const [key, value] of Object.entries(tree)) {
    // {"0": "tench"}, {"0": ["n01440764", "tench"]} or {"tench": 0}; of a list the keys are the places.
    const name: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (/^\d+$/.test(key) && typeof name === 'string') names.set(Number(key), name);
    else if (typeof value === 'number' && Number.isInteger(value) && value >= 0) names.set(value, key);
    else throw noNames(path, `says no class by ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  }
  return names;
}

function noNames(path: string, what: string, cause?: unknown): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} ${what}`, { hint: FORMAT_HINT, cause });
}

/** Case, spaces around commas and hyphens do not matter. */
function normalise(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ')
    .replace(/\s*,\s*/g, ', ');
}

/**
 * What stands in front of an npy array: reading and writing of its header, a Python dictionary.
 *
 * Source: numpy/lib/format.py, versions 1.0, 2.0 and 3.0 of the format.
 */
import { describedDtype, descriptionOf, itemBytes, type NpyDtype } from './dtypes.js';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** In front of the header's length. */
const VERSION_END = MAGIC.length + 2;
/** numpy itself refuses longer ones than 10000 unless told otherwise. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Enough bytes of a member for every header that is read. */
export const HEAD_BYTES = MAX_HEADER_BYTES + VERSION_END + 4;
const ALIGNMENT = 64;

export interface NpyHeader {
  readonly dtype: NpyDtype;
  readonly isBigEndian: boolean;
  /** The first index runs fastest. */
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  /** Bytes in front of the values. */
  readonly headerBytes: number;
  /** Bytes of the values, as the shape promises them; nothing of that size is there yet. */
  readonly dataBytes: number;
}

/** Why a header is refused: the message goes on from "member X". */
export class NpyHeaderError extends Error {}

/**
 * Reads the header of an npy member from its first bytes.
 *
 * @throws NpyHeaderError for anything but an array of numbers
 */
export function parseNpyHeader(head: Uint8Array): NpyHeader {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new NpyHeaderError('is no npy array: its first bytes are others');
  }
  const major = bytes[MAGIC.length] ?? 0;
  if (major < 1 || major > 3) throw new NpyHeaderError(`has version ${major} of the npy format, not 1 to 3`);
  const lengthBytes = major === 1 ? 2 : 4;
  const start = VERSION_END + lengthBytes;
  if (bytes.length < start) throw new NpyHeaderError('ends within its header');
  const length = major === 1 ? bytes.readUInt16LE(VERSION_END) : bytes.readUInt32LE(VERSION_END);
  if (length > MAX_HEADER_BYTES) {
    throw new NpyHeaderError(`has a header of ${length} bytes, more than ${MAX_HEADER_BYTES}`);
  }
  if (bytes.length < start + length) throw new NpyHeaderError('ends within its header');
  const text = bytes.toString(major === 3 ? 'utf8' : 'latin1', start, start + length);
  return { ...fieldsOf(text), headerBytes: start + length };
}

function fieldsOf(text: string): Omit<NpyHeader, 'headerBytes'> {
  const fields = parseLiteral(text);
  if (!(fields instanceof Map)) throw new NpyHeaderError('has a header that is no dictionary');
  const keys = [...fields.keys()].sort().join();
  if (keys !== 'descr,fortran_order,shape') {
    throw new NpyHeaderError(`has a header with the keys ${keys || 'of nothing'}`);
  }
  const [description, isFortran, shape] = ['descr', 'fortran_order', 'shape'].map((key) => fields.get(key));
  if (typeof description !== 'string') {
    throw new NpyHeaderError('holds records of several fields, not an array of numbers');
  }
  if (/O/.test(description)) {
    throw new NpyHeaderError('holds pickled Python objects, which are never loaded');
  }
  const described = describedDtype(description);
  if (described === undefined)
    throw new NpyHeaderError(`holds values of type ${description}, which is not read`);
  if (typeof isFortran !== 'boolean' || !isShape(shape)) {
    throw new NpyHeaderError('has a header with a shape or an order that is none');
  }
  const dataBytes = shape.reduce((product, side) => product * side, itemBytes(described.dtype));
  return { ...described, isFortran, shape, dataBytes };
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && (side as number) >= 0);
}

type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<unknown, Literal>;

const TOKEN =
  /\s*(?:([{}()[\],:])|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(True|False|None)\b|([+-]?\d+)L?(?![\w.]))/y;

/** The few forms of a Python literal that a header can hold; nothing is evaluated. */
function parseLiteral(text: string): Literal {
  const tokens = tokensOf(text);
  let at = 0;
  const take = (): string => {
    const token = tokens[at++];
    if (token === undefined) throw new NpyHeaderError('has a header that ends too early');
    return token;
  };
  const value = (depth: number): Literal => {
    if (depth > 8) throw new NpyHeaderError('has a header of too many brackets');
    const token = take();
    switch (token) {
      case '{':
        return new Map(
          items('}', () => {
            const key = value(depth + 1);
            if (take() !== ':') throw new NpyHeaderError('has a header that is no dictionary');
            return [key, value(depth + 1)] as const;
          }),
        );
      case '(':
        return items(')', () => value(depth + 1));
      case '[':
        return items(']', () => value(depth + 1));
      case 'True':
        return true;
      case 'False':
        return false;
      case 'None':
        return null;
      default:
        if (token.startsWith("'")) return token.slice(1);
        if (/^[+-]?\d+$/.test(token)) return Number(token);
        throw new NpyHeaderError('has a header that is no dictionary');
    }
  };
  function items<Item>(end: string, item: () => Item): Item[] {
    const found: Item[] = [];
    while (tokens[at] !== end) {
      found.push(item());
      if (tokens[at] === ',') at++;
      else if (tokens[at] !== end) throw new NpyHeaderError('has a header whose brackets do not fit');
    }
    at++;
    return found;
  }
  const literal = value(0);
  if (at !== tokens.length) throw new NpyHeaderError('has a header with something behind its dictionary');
  return literal;
}

/** A text is given with a quote in front of it, to tell it from a word. */
function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (match === null) throw new NpyHeaderError('has a header that is no dictionary');
    const [, mark, single, double, word, number] = match;
    const quoted = single ?? double;
    tokens.push(quoted === undefined ? (mark ?? word ?? number ?? '') : `'${quoted}`);
  }
  return tokens;
}

/** The header of version 1.0 as numpy writes it: padded, so that the values begin at a multiple of 64 bytes. */
export function npyHeader(dtype: NpyDtype, shape: readonly number[]): Buffer {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${descriptionOf(dtype)}', 'fortran_order': False, 'shape': (${sides}), }`;
  // numpy leaves room for the first side to grow in place, up to the 21 digits of the largest 64-bit number.
  const growth = shape.length === 0 ? '' : ' '.repeat(Math.max(0, 21 - String(shape[0]).length));
  const bare = VERSION_END + 2 + dictionary.length + growth.length + 1;
  const padding = ' '.repeat(ALIGNMENT - (bare % ALIGNMENT));
  const text = `${dictionary}${growth}${padding}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([MAGIC, Buffer.from([1, 0]), length, Buffer.from(text, 'latin1')]);
}

/** What a file given as a list of pictures is: one of the two forms that are read, or something else that has a name. */
import { extname } from 'node:path';
import { SvgT2IError } from '../errors.js';

/** Enough for the mark of a tar archive. */
export const HEAD_BYTES = 512;

export const LIST_FORMS =
  'A list is JSON Lines, an object a line, or a JSON array of them: {"path": "a.jpg", "prompt": "a fox"}.';

const BYTE_ORDER_MARK = '\xef\xbb\xbf';

const MARKS: readonly (readonly [mark: string, at: number, kind: string])[] = [
  ['\x1f\x8b', 0, 'a gzip file'],
  ['\x28\xb5\x2f\xfd', 0, 'a zstd file'],
  ['BZh', 0, 'a bzip2 file'],
  ['\xfd7zXZ\0', 0, 'an xz file'],
  ['PK\x03\x04', 0, 'a zip archive'],
  ['ustar', 257, 'a tar archive (WebDataset)'],
  ['PAR1', 0, 'a Parquet file'],
  ['ARROW1', 0, 'an Arrow file'],
  ['\xff\xff\xff\xff', 0, 'an Arrow stream (save_to_disk of Hugging Face datasets)'],
  ['\x89HDF', 0, 'an HDF5 file'],
  ['SQLite format 3', 0, 'an SQLite file'],
  ['\x89PNG', 0, 'a picture'],
  ['\xff\xd8\xff', 0, 'a picture'],
  ['RIFF', 0, 'a picture'],
  ['GIF8', 0, 'a picture'],
  ['\xff\xfe', 0, 'a UTF-16 text'],
  ['\xfe\xff', 0, 'a UTF-16 text'],
];

const ENDINGS: Readonly<Record<string, string>> = {
  '.csv': 'a table of comma-separated values',
  '.tsv': 'a table of tab-separated values',
  '.yaml': 'a YAML file',
  '.yml': 'a YAML file',
  '.txt': 'a plain text',
  '.tar': 'a tar archive (WebDataset)',
  '.parquet': 'a Parquet file',
  '.arrow': 'an Arrow file',
  '.html': 'an HTML page',
};

const HINTS: Readonly<Record<string, string>> = {
  'a gzip file': 'Unpack it with gunzip, and give the list in it.',
  'a picture': 'Give the folder that it is in, or a list of pictures.',
  'a UTF-16 text': 'Save the list as UTF-8.',
  'a YAML file': 'Put every list of it under data.sets of the configuration, with its root and ratio.',
};

export interface ListForm {
  readonly form: 'lines' | 'array';
  /** Where the list begins, behind a byte order mark. */
  readonly start: number;
}

/**
 * By the first bytes; the ending of the name only tells what is not a list.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT that names a kind which is not read
 */
export function listForm(head: Uint8Array, path: string): ListForm {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES)).toString(
    'latin1',
  );
  const start = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  const first = /^[\t\n\r ]*/.exec(text.slice(start))?.[0].length ?? 0;
  const character = text[start + first];
  if (character === '[') return { form: 'array', start: start + first };
  if (character !== '{') refuseKind(text, path);
  return { form: 'lines', start };
}

function refuseKind(text: string, path: string): void {
  const marked = MARKS.find(([mark, at]) => text.startsWith(mark, at))?.[2];
  const kind =
    marked ?? ENDINGS[extname(path).toLowerCase()] ?? (/^\s*</.test(text) ? 'an HTML page' : undefined);
  // Perhaps one bad line in front of good ones.
  if (kind === undefined) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_FILE_FORMAT',
    `${path} is ${kind}, which is not read as a list of pictures`,
    {
      hint: HINTS[kind] ?? LIST_FORMS,
    },
  );
}

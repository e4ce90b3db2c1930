/** One entry of a list of pictures: what SVG-T2I's and Lumina-Image-2.0's trainers read of it. */
import { z } from 'zod';
import { isUrl } from '../config/url.js';
import { issuesText } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import type { DataItem } from './dataset.js';
import { LIST_FORMS } from './list-kind.js';

const filePath = z.string().min(1);
/** The original takes null for an empty caption. */
const captionText = z.string().nullable();

/** Other keys are passed over. */
const entrySchema = z.looseObject({
  path: filePath.optional(),
  image_path: filePath.optional(),
  prompt: captionText.optional(),
  super_high_quality_caption: captionText.optional(),
});

/** White space of Python's str.strip() that is none to JavaScript's trim(). */
const PYTHON_SPACES = '\x1c\x1d\x1e\x1f\x85';

/** Nothing is left of it by str.strip(). */
function isBlank(text: string): boolean {
  for (const character of text) {
    const isSpace = (character.trim() === '' && character !== '\ufeff') || PYTHON_SPACES.includes(character);
    if (!isSpace) return false;
  }
  return true;
}

export type Entry = Pick<DataItem, 'path' | 'prompt' | 'systemPrompt'>;

/**
 * The entry of a JSON value, its path as it stands there; what is wrong with it, if anything.
 *
 * An entry with `super_high_quality_caption` takes that one, and its `systemPrompt` is `align`, as in the original.
 */
export function readEntry(value: unknown): Entry | string {
  const parsed = entrySchema.safeParse(value, { reportInput: true });
  if (!parsed.success) return issuesText(entrySchema, parsed.error);
  const { path, image_path, prompt, super_high_quality_caption: fine } = parsed.data;
  const file = fine === undefined ? (path ?? image_path) : (image_path ?? path);
  if (file === undefined) return `neither "path" nor "image_path"${otherName(parsed.data)}`;
  // No file has one in its name, and Node.js takes it for a mistake of the program.
  if (file.includes('\0')) return 'a path with a NUL in it';
  if (isUrl(file)) return `${file} is no file of this machine: pictures are not fetched`;
  const text = fine === undefined ? prompt : fine;
  if (text === undefined) return { path: file };
  const caption = text === null || isBlank(text) ? '' : text;
  return fine === undefined
    ? { path: file, prompt: caption }
    : { path: file, prompt: caption, systemPrompt: 'align' };
}

/** An entry that cannot be used, at `where` in its list. */
export function malformed(where: string, reason: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${where}: ${reason}`, { hint: LIST_FORMS });
}

/** Names that other programs' lists have for the same. */
const OTHER_NAMES = ['file_name', 'filename', 'file', 'image', 'img', 'url', '__key__'];

function otherName(entry: object): string {
  const found = OTHER_NAMES.find((name) => Object.hasOwn(entry, name));
  if (found === undefined) return '';
  const whose = found === 'file_name' ? "of Hugging Face's metadata.jsonl, " : '';
  return `, but "${found}", ${whose}which is not read: name the key "path", and its caption "prompt"`;
}

/** Prompts of a text, JSON or JSONL file. */
import { extname } from 'node:path';
import { firstLine, SvgT2IError } from '../errors.js';
import { parsePythonJson } from '../python-json.js';
import { readText } from '../regular-file.js';

/** A million long prompts. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Keys of an object that may hold its prompt, in order of preference. */
export const PROMPT_KEYS = [
  'refined_prompt',
  'prompt',
  'gpt_4_caption',
  'super_high_quality_caption',
] as const;

export interface PromptEntry {
  readonly prompt: string;
  /** Where it stands: a line of a text or JSONL file, an item of a JSON list; from 1. */
  readonly position: number;
}

/**
 * Reads a prompt file: `.txt` has a prompt a line (empty lines are skipped), `.jsonl` a string or an object a line,
 * `.json` a list of them.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT with the number of the line
 */
export async function readPromptFile(path: string): Promise<readonly PromptEntry[]> {
  const text = await readText(path, { maxBytes: MAX_BYTES, allowPassedPipe: true });
  return parsePrompts(text, extname(path).toLowerCase(), path);
}

/** The prompts of a text in the format of a file ending; anything but .json and .jsonl is plain text. */
export function parsePrompts(text: string, extension: string, name: string): readonly PromptEntry[] {
  const content = text.replace(/^\ufeff/, '');
  const entries =
    extension === '.json'
      ? parseJsonList(content, name)
      : parseLines(content, name, extension === '.jsonl' || extension === '.ndjson');
  if (entries.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${name} holds no prompts`, { hint: FORMAT_HINT });
  }
  return entries;
}

const FORMAT_HINT = `A .txt file has one prompt a line, a .jsonl file a string or an object a line, a .json file a list of them; objects hold the prompt under ${PROMPT_KEYS.join(', ')}.`;

function parseLines(text: string, name: string, isJson: boolean): PromptEntry[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '') return [];
    const where = `${name}:${index + 1}`;
    return [{ prompt: isJson ? promptOf(parseJson(trimmed, where), where) : trimmed, position: index + 1 }];
  });
}

function parseJsonList(text: string, name: string): PromptEntry[] {
  const list = parseJson(text, name);
  if (!Array.isArray(list)) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${name} holds no list of prompts`, {
      hint: FORMAT_HINT,
    });
  }
  return list.map((item, index) => ({
    prompt: promptOf(item, `${name}: item ${index + 1}`),
    position: index + 1,
  }));
}

function parseJson(text: string, where: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${where}: no JSON: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

function promptOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${where}: neither a string nor an object`, {
      hint: FORMAT_HINT,
    });
  }
  for (const key of PROMPT_KEYS) {
    if (!Object.hasOwn(value, key)) continue;
    const prompt: unknown = Reflect.get(value, key);
    if (typeof prompt === 'string') return prompt;
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${where}: "${key}" is no string`, { hint: FORMAT_HINT });
  }
  throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${where}: none of the keys ${PROMPT_KEYS.join(', ')}`, {
    hint: FORMAT_HINT,
  });
}

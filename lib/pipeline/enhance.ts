/** Prompt enhancement: Gemma continues an instruction greedily, and its answer is cut to a short description. */
import { SvgT2IError } from '../errors.js';
import type { OpenTokenizer } from '../text/open-tokenizer.js';

export const MAX_ENHANCE_TOKENS = 196;
const MAX_CHARACTERS = 256;
const MAX_CLAUSES = 4;
/** A colon after this many characters belongs to the description, not to a label. */
const LABEL_CHARACTERS = 40;

/** @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISMATCH for a small text encoder: its weights are random, it never wrote */
export function checkWriter({ words }: Pick<OpenTokenizer, 'words'>): void {
  if (words === undefined) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_WEIGHTS_MISMATCH',
    `a text encoder of ${words.size} words and random weights cannot enhance a prompt`,
    {
      hint: 'Enhance with Gemma-2 (--text-encoder FOLDER of google/gemma-2-2b), or draw the prompt as it is.',
    },
  );
}

/** What Gemma is asked to continue. The base model follows a form better than a request. */
export function enhanceInstruction(prompt: string): string {
  return [
    'Task: turn a short idea for a picture into one vivid, concrete description of that picture.',
    'Keep every subject, count, colour, size, pose, position and style that the idea names.',
    'Add a few fitting details of texture, light and background, and nothing that contradicts the idea.',
    'Write one or two sentences, say nothing twice, and write nothing but the description.',
    '',
    `Idea: ${prompt}`,
    'Description:',
  ].join('\n');
}

/**
 * The first line of the answer without a label, its first four different clauses, 256 characters at most. An empty
 * answer gives the prompt back. Source: the rules of the published sampling script (sample_svg_t2i.py:71-118).
 */
export function tidyEnhancedPrompt(answer: string, prompt: string): string {
  const line =
    answer
      .split(/\r?\n/)
      .map((text) => text.trim())
      .find((text) => text !== '') ?? '';
  const clauses = new Map<string, string>();
  for (const clause of withoutLabel(line)
    .split(',')
    .map((text) => text.trim())) {
    const key = clause.toLowerCase();
    if (clause !== '' && !clauses.has(key) && clauses.size < MAX_CLAUSES) clauses.set(key, clause);
  }
  const tidy = cutAtWord([...clauses.values()].join(', ')).trim();
  return tidy === '' ? prompt : tidy;
}

function withoutLabel(line: string): string {
  const colon = line.indexOf(':');
  if (colon < 0 || colon >= LABEL_CHARACTERS) return line;
  return /enhanced|description|prompt/i.test(line.slice(0, colon)) ? line.slice(colon + 1).trim() : line;
}

function cutAtWord(text: string): string {
  const characters = [...text];
  if (characters.length <= MAX_CHARACTERS) return text;
  const cut = characters.slice(0, MAX_CHARACTERS).join('');
  const space = cut.lastIndexOf(' ');
  return space < 0 ? cut : cut.slice(0, space);
}

/**
 * Which regular expressions of a tokenizer.json are run. They come with a model, from anyone, and run on the main thread
 * over every prompt: only those pass whose time grows with the text and no faster.
 */
import { SvgT2IError } from '../errors.js';

/** Splitters of published models, with parts that the rule below does not know; each was looked at. */
const KNOWN: ReadonlySet<string> = new Set([
  // GPT-2, RoBERTa
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  // Llama 3 and cl100k
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  // Qwen 2
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
]);

const MAX_PATTERN_LENGTH = 1000;
const MAX_ALTERNATIVES = 100;
/** Ways in which the parts before the last of one alternative may match. */
const MAX_WAYS = 64;
const MAX_NODES = 1000;
const MAX_TEXT_LENGTH = 1000;
/** How many times as long replacements may make a text, all together. */
const MAX_GROWTH = 64;

/** One character: an escape, a class without classes in it, a dot or a letter; no groups, anchors or references. */
const ATOM =
  /\\(?:[pP]\{[\w=]{1,40}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[dDsSwWrntfv]|[^\w\s])|\[\^?(?:\\.|[^\\[\]])+\]|[^\\()[\]{}*+?|^$]/uy;
const QUANTIFIER = /([?*+])|\{(\d{1,4})(,?)(\d{0,4})\}/uy;

/**
 * Refuses a tokenizer whose patterns could keep a prompt waiting.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT naming the first such pattern
 */
export function checkPatterns(json: Readonly<Record<string, unknown>>, file: string): void {
  const left = { nodes: MAX_NODES, growth: MAX_GROWTH };
  for (const part of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'])
    checkTree(json[part], part, file, left);
}

interface Left {
  nodes: number;
  growth: number;
}

function checkTree(tree: unknown, part: string, file: string, left: Left): void {
  if (typeof tree === 'string' && tree.length > MAX_TEXT_LENGTH) {
    throw new SvgT2IError(
      'ERR_SVGT2I_FILE_FORMAT',
      `${file}: its ${part} holds a text of ${tree.length} characters`,
    );
  }
  if (typeof tree !== 'object' || tree === null) return;
  left.growth /= growthOf(tree);
  if (left.growth < 1) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${file}: its ${part} makes texts grow without measure`);
  }
  if (--left.nodes < 0) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${file}: its ${part} has too many parts`);
  }
  for (const [key, value] of Object.entries(tree)) {
    if (key === 'Regex' && !(typeof value === 'string' && isQuickPattern(value)))
      throw slow(part, value, file);
    checkTree(value, part, file, left);
  }
}

/** Of a replacement: how many characters may come out for each that goes in. */
function growthOf(tree: object): number {
  if (!('pattern' in tree) || !('content' in tree) || typeof tree.content !== 'string') return 1;
  const { pattern } = tree;
  const isText = typeof pattern === 'object' && pattern !== null && 'String' in pattern;
  const length = isText && typeof pattern.String === 'string' ? pattern.String.length : 0;
  // What matches nothing, as an expression may, stands between all characters.
  return length === 0 ? tree.content.length + 1 : Math.max(1, tree.content.length / length);
}

function slow(part: string, pattern: unknown, file: string): SvgT2IError {
  const shown = JSON.stringify(pattern) ?? 'undefined';
  return new SvgT2IError(
    'ERR_SVGT2I_FILE_FORMAT',
    `${file}: the pattern ${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown} of its ${part} is not run: it is of no known tokenizer and may take without end`,
    { hint: 'Use the tokenizer.json that came with the text encoder.' },
  );
}

/**
 * Whether a pattern is a known one, or alternatives of which each is a sequence of characters with bounded repeats but
 * for the last, which may repeat without bound: nothing then is looked at twice for longer than a constant.
 */
export function isQuickPattern(pattern: string): boolean {
  if (KNOWN.has(pattern)) return true;
  if (pattern.length > MAX_PATTERN_LENGTH) return false;
  let at = 0;
  let alternatives = 1;
  let ways = 1;
  let isEndless = false;
  while (at < pattern.length) {
    if (pattern[at] === '|') {
      if (++alternatives > MAX_ALTERNATIVES) return false;
      at++;
      ways = 1;
      isEndless = false;
      continue;
    }
    if (isEndless) return false;
    const atom = matchAt(ATOM, pattern, at);
    if (atom === undefined) return false;
    at += atom[0].length;
    const quantifier = matchAt(QUANTIFIER, pattern, at);
    if (quantifier === undefined) continue;
    at += quantifier[0].length;
    const [, sign, from = '', comma, to = ''] = quantifier;
    isEndless = sign === '*' || sign === '+' || (comma === ',' && to === '');
    const [least, most] = sign === '?' ? [0, 1] : [Number(from), Number(comma === ',' ? to : from)];
    ways *= isEndless ? Math.max(1, least) : most - least + 1 + (most > 16 ? most : 0);
    if (ways > MAX_WAYS) return false;
  }
  return true;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** Which scorer has written a file, told by what is in it, so that the wrong one is named and not read as something else. */
import { jsonOf, linesOf } from './result-lines.js';
import type { ScorerKind } from './run-scores.js';

/** A scorer's result, or a file of a benchmark that is taken for one. */
export type FileKind =
  | { readonly kind: ScorerKind }
  | {
      readonly kind: 'other';
      /** "GenEval's prompt list". */
      readonly what: string;
      readonly hint: string;
    };

/** Lines from the top. */
const LOOKED_AT = 20;
const DPG_LINE = /, \d+(?:\.\d+)?(?:e-?\d+)?, \d+(?:\.\d+)?(?:e-?\d+)?$/;

/** Undefined where nothing in it is known. */
export function fileKindOf(text: string): FileKind | undefined {
  const start = text.trimStart();
  if (start.startsWith('[')) return { kind: 'geneval2' };
  const lines = linesOf(text.slice(0, 1 << 20));
  const first = lines[0]?.text ?? '';
  if (first.startsWith('{')) {
    // A broken line is no reason not to know the others.
    const known = lines.slice(0, LOOKED_AT).map((line) => ofJsonLine(jsonOf(line.text)));
    return known.find((kind) => kind !== undefined) ?? ofMap(jsonOf(text));
  }
  if (/^item_id,text,/.test(first)) {
    return {
      kind: 'other',
      what: "DPG-Bench's list of questions",
      hint: 'The scorer writes dpg-bench_TIME_results.txt; the list goes with --questions.',
    };
  }
  if (/^category,level,score\s*$/.test(first)) return { kind: 'dpg' };
  if (lines.some((line) => /^DPG-Bench score:/.test(line.text))) return { kind: 'dpg' };
  if (DPG_LINE.test(first)) return { kind: 'dpg' };
  if (/, \(\d+, \d+, \d+, \d+\), /.test(first)) {
    return {
      kind: 'other',
      what: "DPG-Bench's answers one by one",
      hint: 'Pass the file beside it without _detail in its name; the answers are found from there.',
    };
  }
  return undefined;
}

function ofJsonLine(value: unknown): FileKind | undefined {
  if (typeof value === 'object' && value !== null) {
    const has = (key: string) => Object.hasOwn(value, key);
    if (has('correct') && has('tag')) return { kind: 'geneval' };
    if (has('vqa_list')) {
      return {
        kind: 'other',
        what: "GenEval 2's benchmark file",
        hint: 'The scorer writes the file of its --output_file; the benchmark file goes with --questions.',
      };
    }
    if (has('tag') && has('include')) {
      return {
        kind: 'other',
        what: "GenEval's prompt list",
        hint: "The scorer's evaluate_images.py writes results.jsonl.",
      };
    }
  }
  return undefined;
}

function ofMap(whole: unknown): FileKind | undefined {
  const isMap =
    typeof whole === 'object' &&
    whole !== null &&
    Object.values(whole).every((entry) => typeof entry === 'string');
  if (!isMap) return undefined;
  return {
    kind: 'other',
    what: 'a list of prompts and pictures, which GenEval 2 reads',
    hint: 'The scorer writes the file of its --output_file.',
  };
}

/** What GenEval 2's scorer would stumble over in the object that leads from prompts to pictures. */
import { dirname, join, resolve } from 'node:path';
import { firstLine } from '../../errors.js';
import { parsePythonJson } from '../../python-json.js';
import { readText } from '../../regular-file.js';
import { type CheckOptions, NO_LIST, shortened, sizeFault } from './check-options.js';
import type { CheckReport, Fault } from './check-report.js';
import { GENEVAL2_LIST, type Geneval2Prompt } from './geneval2.js';
import { MAX_PROMPTS_BYTES } from './json-rows.js';
import { lookAtAll, namesFolder } from './look.js';

const STOPS = 'stops: Missing filepath for the prompt';

/** A picture that the scorer would open. */
interface Opened {
  readonly prompt: string;
  /** As written. */
  readonly path: string;
}

/**
 * Checks a folder with image_paths.json, or such a file itself. Paths in it count from its folder, from where the scorer
 * then has to be run.
 *
 * Source: facebookresearch/GenEval2 a6e82d2, evaluation.py.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO where nothing is there to check; or the signal's reason
 *
 * @example
 * const prompts = await readGeneval2Prompts('geneval2_data.jsonl');
 * const { faults } = await checkGeneval2('out', { prompts, imagesPerPrompt: 1 });
 */
export async function checkGeneval2(
  target: string,
  { prompts, resolution, signal, onLooked }: CheckOptions<Geneval2Prompt>,
): Promise<CheckReport> {
  const list = (await namesFolder(target)) ? join(target, GENEVAL2_LIST) : target;
  const faults: Fault[] = [];
  const answer = (pictures: number): CheckReport => ({
    as: 'geneval2',
    target,
    prompts: prompts?.length ?? 0,
    pictures,
    faults,
    warnings: prompts === undefined ? [NO_LIST] : [],
  });
  const text = await readText(list, { maxBytes: MAX_PROMPTS_BYTES });
  const said = objectIn(text);
  if ('fault' in said) {
    faults.push({ path: GENEVAL2_LIST, ...said.fault });
    return answer(0);
  }
  const keys = prompts?.map(({ prompt }) => prompt) ?? Object.keys(said.value);
  const opened: Opened[] = [];
  for (const prompt of keys) {
    const value = Object.hasOwn(said.value, prompt) ? said.value[prompt] : undefined;
    if (typeof value === 'string') opened.push({ prompt, path: value });
    else if (Object.hasOwn(said.value, prompt)) {
      const what = Array.isArray(value) ? 'a list' : `no text: ${JSON.stringify(value)}`;
      const reason = `a value is ${what}; one path a prompt`;
      faults.push({ path: prompt, reason, scorer: "hands it to the model's processor and stops there" });
    } else faults.push({ path: prompt, reason: missingReason(prompt, said.value), scorer: STOPS });
  }
  faults.push(...shared(opened));
  const base = dirname(resolve(list));
  const paths = opened.map(({ path }) => resolve(base, path));
  let pictures = 0;
  for (const [i, one] of (await lookAtAll(paths, { signal, onLooked })).entries()) {
    const { path, prompt } = opened[i] as Opened;
    if ('problem' in one) {
      const reason = `a path does not open: ${one.problem} (of ${shortened(prompt)})`;
      faults.push({
        path,
        reason,
        scorer: 'stops when it comes to that prompt, after scoring the ones before',
      });
      continue;
    }
    pictures++;
    const reason = sizeFault(one, resolution);
    if (reason !== undefined) faults.push({ path, reason });
  }
  return answer(pictures);
}

type Said =
  | { readonly value: Readonly<Record<string, unknown>> }
  | { readonly fault: Pick<Fault, 'reason' | 'scorer'> };

function objectIn(text: string): Said {
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 1 && lines.every((line) => line.trim().startsWith('{') && line.trim().endsWith('}'))) {
      const reason = 'one object a line instead of ONE JSON object';
      return { fault: { reason, scorer: 'json.load stops with Extra data' } };
    }
    return { fault: { reason: `no JSON: ${firstLine(error)}`, scorer: 'json.load stops' } };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value: { ...value } };
  return { fault: { reason: 'not one JSON object from prompts to paths', scorer: 'stops' } };
}

/** Why a prompt has no entry: often there is one that looks like it. */
function missingReason(prompt: string, said: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(said);
  const same = keys.find((key) => key.normalize('NFC') === prompt.normalize('NFC'));
  if (same !== undefined) return 'a key is the prompt in another Unicode normal form';
  const tidied = (text: string) => text.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
  const near = keys.find((key) => tidied(key) === tidied(prompt));
  if (near !== undefined) {
    return `a key is not the prompt to the character (blanks trimmed, lower case): ${shortened(near)}`;
  }
  return 'a benchmark prompt has no entry';
}

function shared(opened: readonly Opened[]): readonly Fault[] {
  const first = new Map<string, string>();
  return opened.flatMap(({ prompt, path }) => {
    const before = first.get(path);
    if (before === undefined) {
      first.set(path, prompt);
      return [];
    }
    const reason = `two prompts share one picture: ${shortened(before)} and ${shortened(prompt)}`;
    return [{ path, reason, scorer: 'scores it for both' }];
  });
}

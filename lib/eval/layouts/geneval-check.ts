/** What GenEval's scorer would miscount or stumble over in a folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, systemErrorCode } from '../../errors.js';
import { parsePythonJson } from '../../python-json.js';
import { type CheckOptions, NO_LIST, shortened, sizeFault } from './check-options.js';
import type { CheckReport, Fault } from './check-report.js';
import { type GenevalPrompt, genevalRowSchema } from './geneval.js';
import { entriesOf, isPictureName, lookAtAll } from './look.js';
import { fiveDigits } from './plan.js';

/** What the scorer takes for a picture: its pattern has no end, so that 00001.png.part is one. */
const TAKEN = /^\d+\.png/;
const SAMPLE = /^\d+\.png$/;
const PROMPT_FOLDER = /^\d+$/;

interface Found {
  /** Its folder. */
  readonly name: string;
  readonly row: Readonly<Record<string, unknown>>;
}

/**
 * Checks a folder as GenEval's scorer reads it: only folders of digits count, metadata.jsonl says which prompt one is,
 * and what lies elsewhere is ignored.
 *
 * Source: djghosh13/geneval af4902f, evaluation/evaluate_images.py.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO where the folder cannot be read; or the signal's reason
 *
 * @example
 * const prompts = await readGenevalPrompts('evaluation_metadata.jsonl');
 * const { faults } = await checkGeneval('out/images', { prompts, imagesPerPrompt: 4 });
 */
export async function checkGeneval(root: string, options: CheckOptions<GenevalPrompt>): Promise<CheckReport> {
  const { prompts, imagesPerPrompt, signal } = options;
  const faults: Fault[] = [];
  const found: Found[] = [];
  let pictures = 0;
  let folders = 0;
  for (const { name, isFolder } of await entriesOf(root)) {
    signal?.throwIfAborted();
    if (!isFolder) continue;
    if (!PROMPT_FOLDER.test(name)) {
      if (await looksLikePrompt(join(root, name))) {
        faults.push({
          path: name,
          reason: 'folder name is not all digits',
          scorer: 'skips the folder without a word: its prompt is missing from the score',
        });
      }
      continue;
    }
    folders++;
    const row = await checkMetadata(root, name, faults);
    if (row !== undefined) found.push({ name, row });
    pictures += await checkSamples(root, name, { ...options, imagesPerPrompt, faults });
  }
  if (folders === 0) {
    faults.push({
      path: '.',
      reason: 'no folder of a prompt is there (all digits, as 00000)',
      scorer: 'scores nothing',
    });
  }
  faults.push(...(prompts === undefined ? doubles(found) : compareWithList(found, prompts)));
  return {
    as: 'geneval',
    target: root,
    prompts: prompts?.length ?? 0,
    pictures,
    faults,
    warnings: prompts === undefined ? [NO_LIST] : [],
  };
}

async function looksLikePrompt(folder: string): Promise<boolean> {
  return (await entriesOf(folder)).some(({ name }) => name === 'metadata.jsonl' || name === 'samples');
}

/** The object of a prompt's folder; undefined where the scorer stops at it. */
async function checkMetadata(
  root: string,
  folder: string,
  faults: Fault[],
): Promise<Found['row'] | undefined> {
  const path = `${folder}/metadata.jsonl`;
  const refuse = (reason: string, scorer: string) => void faults.push({ path, reason, scorer });
  const text = await textOf(join(root, folder, 'metadata.jsonl'));
  if (text === undefined) {
    refuse('no metadata.jsonl', 'stops with FileNotFoundError; no score at all');
    return undefined;
  }
  const value = parsed(text);
  if (value === undefined) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 1 && lines.every((line) => parsed(line) !== undefined)) {
      refuse('metadata.jsonl holds more than one JSON object', 'stops with Extra data; no score at all');
    } else refuse('metadata.jsonl holds no JSON object', 'stops with JSONDecodeError; no score at all');
    return undefined;
  }
  const checked = genevalRowSchema.safeParse(value);
  if (!checked.success) {
    const keys = [...new Set(checked.error.issues.map((issue) => issue.path.map(String).join('.')))].filter(
      (key) => key !== '',
    );
    const what = keys.length === 0 ? 'is no JSON object' : `has no right ${keys.join(', ')}`;
    refuse(`metadata.jsonl ${what}`, 'stops, or finds nothing where it looks');
    return undefined;
  }
  return checked.data;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'EISDIR') return undefined;
    throw fileError(error, 'read', path);
  }
}

function parsed(text: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface SampleCheck extends CheckOptions<GenevalPrompt> {
  readonly faults: Fault[];
}

/** Returns how many pictures of a prompt's folder the scorer would count. */
async function checkSamples(
  root: string,
  folder: string,
  { imagesPerPrompt, resolution, signal, onLooked, faults }: SampleCheck,
): Promise<number> {
  const entries = await entriesOf(join(root, folder));
  if (!entries.some(({ name, isFolder }) => name === 'samples' && isFolder)) {
    const scorer = 'stops with FileNotFoundError; no score at all';
    faults.push({ path: `${folder}/samples`, reason: 'no samples folder', scorer });
    return 0;
  }
  const taken: string[] = [];
  for (const { name, isFolder } of await entriesOf(join(root, folder, 'samples'))) {
    if (isFolder) continue;
    const path = `${folder}/samples/${name}`;
    if (SAMPLE.test(name)) taken.push(path);
    else if (TAKEN.test(name)) {
      faults.push({
        path,
        reason: 'a file whose name starts like a sample (digits.png...) is not a picture',
        scorer: 'its pattern is not closed at the end, so it opens the file and stops',
      });
    } else if (isPictureName(name)) {
      const scorer = 'skips it without a word';
      faults.push({ path, reason: 'sample names are not digits followed by .png', scorer });
    }
  }
  const looked = await lookAtAll(
    taken.map((path) => join(root, path)),
    { signal, onLooked },
  );
  for (const [i, one] of looked.entries()) {
    const path = taken[i] as string;
    const reason = 'problem' in one ? `not a picture that opens: ${one.problem}` : sizeFault(one, resolution);
    if (reason !== undefined)
      faults.push({ path, reason, ...('problem' in one ? { scorer: 'stops at it' } : {}) });
  }
  if (taken.length !== imagesPerPrompt) {
    const [which, scorer] =
      taken.length < imagesPerPrompt
        ? ['fewer', 'scores what is there; tasks weigh by pictures, so the means shift']
        : ['more', 'scores all of them; tasks weigh by pictures, so the means shift'];
    const reason = `${which} pictures than samples_per_prompt: ${taken.length}, not ${imagesPerPrompt}`;
    faults.push({ path: `${folder}/samples`, reason, scorer });
  }
  return taken.length;
}

const TWICE = 'scores both: that prompt counts twice';

function doubles(found: readonly Found[]): readonly Fault[] {
  const first = new Map<string, string>();
  return found.flatMap(({ name, row }) => {
    const key = canonical(row);
    const before = first.get(key);
    if (before === undefined) {
      first.set(key, name);
      return [];
    }
    return [{ path: name, reason: `two folders with the same prompt: ${before} and ${name}`, scorer: TWICE }];
  });
}

/** The list may have a prompt several times; so often it may be there. */
function compareWithList(found: readonly Found[], prompts: readonly GenevalPrompt[]): readonly Fault[] {
  const faults: Fault[] = [];
  const open = new Map<string, number[]>();
  for (const [index, { row }] of prompts.entries()) {
    const key = canonical(row);
    open.set(key, [...(open.get(key) ?? []), index]);
  }
  const used = new Map<string, string>();
  const others: Found[] = [];
  for (const one of found) {
    const key = canonical(one.row);
    const left = open.get(key);
    const before = used.get(key);
    if (left === undefined) others.push(one);
    else if (left.shift() !== undefined) used.set(key, one.name);
    else {
      const reason = `two folders with the same prompt: ${before} and ${one.name}`;
      faults.push({ path: one.name, reason, scorer: TWICE });
    }
  }
  const missing = new Set([...open.values()].flat());
  for (const { name, row } of others) {
    const index = [...missing].find((each) => prompts[each]?.prompt === row.prompt);
    const path = `${name}/metadata.jsonl`;
    if (index === undefined) {
      const scorer = 'scores it, though it is no prompt of the list';
      faults.push({
        path,
        reason: `its prompt is not in the list: ${shortened(String(row.prompt))}`,
        scorer,
      });
      continue;
    }
    missing.delete(index);
    const reason = `metadata.jsonl differs from the prompt list's object (${prompts[index]?.where})`;
    faults.push({ path, reason, scorer: 'scores against the changed object' });
  }
  for (const index of [...missing].sort((a, b) => a - b)) {
    const { where = '', prompt = '' } = prompts[index] ?? {};
    const reason = `a prompt of the list has no folder: ${where}, ${shortened(prompt)}`;
    faults.push({ path: fiveDigits(index), reason, scorer: 'does not know the list: scores the rest' });
  }
  return faults;
}

/** Equal for objects that Python calls equal: whatever the order of their keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join()}}`;
}

/** The work of `svg-t2i eval report`. */
import { SCORES_KEYS, type ScoresConfig, scoresSchema } from '../config/eval/scores.js';
import { loadConfig, printConfig } from '../config/load.js';
import { SvgT2IError } from '../errors.js';
import { evaluateScores } from '../eval/scores.js';
import type { ScoresResult } from '../eval/scores/result.js';
import { intervalText, scoreTables } from '../eval/scores/tables.js';
import { printable } from '../printable.js';
import { formatTable, note, printJson, printLine, warn } from './output.js';
import { listenForInterrupt } from './signals.js';
import { prepareFolder } from './write-file.js';

/** Of the command line, as it was typed. */
export interface ReportFlags {
  readonly as?: string;
  readonly name?: readonly string[];
  readonly questions?: string;
  readonly bootstrap?: unknown;
  readonly seed?: unknown;
  readonly published?: boolean;
  readonly out?: string;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly printConfig?: boolean;
  readonly json?: boolean;
}

const FLAG_NAMES: Readonly<Record<string, string>> = {
  as: '--as',
  questions: '--questions',
  bootstrap: '--bootstrap',
  seed: '--seed',
  published: '--published',
  out: '--out',
};

export async function reportScores(results: readonly string[], flags: ReportFlags): Promise<void> {
  const config = await resolveConfig(results, flags);
  if (flags.printConfig === true) {
    process.stdout.write(printable(printConfig(config)));
    return;
  }
  if (config.out !== undefined) await prepareFolder(config.out, 0);
  using interrupt = listenForInterrupt();
  const result = await evaluateScores(config, {
    signal: interrupt.signal,
    onEvent: (event) => {
      if (event.type === 'warning') warn(event.message);
    },
  });
  if (flags.json === true) printJson(result);
  else printResult(result);
}

async function resolveConfig(results: readonly string[], flags: ReportFlags): Promise<ScoresConfig> {
  const { as, questions, bootstrap, seed, published, out } = flags;
  const named = (flags.name ?? []).map(parseName);
  const given = [
    ...results.map((path) => named.find((one) => one.path === path) ?? { path }),
    ...named.filter(({ path }) => !results.includes(path)),
  ];
  if (given.length === 0 && flags.config === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', 'no result file was given', {
      hint: 'For example: svg-t2i eval report results.jsonl',
    });
  }
  const ofFlags = { as, questions, bootstrap, seed, published, out };
  return await loadConfig(scoresSchema, {
    keys: SCORES_KEYS,
    file: flags.config,
    flags: { ...ofFlags, ...(given.length === 0 ? {} : { results: given }) },
    set: flags.set,
    nameOf: (path) =>
      ofFlags[path as keyof typeof ofFlags] === undefined ? undefined : FLAG_NAMES[path],
  });
}

/** A name may hold an equals sign, a path seldom does: the first one counts, as in --set. */
function parseName(text: string): { readonly name: string; readonly path: string } {
  const equals = text.indexOf('=');
  const [name, path] = [text.slice(0, equals), text.slice(equals + 1)];
  if (equals > 0 && path !== '') return { name, path };
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `--name ${text}: must be NAME=FILE`, {
    hint: 'For example --name baseline=results.jsonl.',
  });
}

function printResult(result: ScoresResult): void {
  const { published, files } = result;
  for (const [i, { title, columns, rows }] of scoreTables(result).entries()) {
    if (i > 0) printLine();
    printLine(title);
    printLine(formatTable(columns, rows));
  }
  note(intervalText(result));
  if (published !== undefined) note(`${published.title}: ${published.note}`);
  if (files === undefined) return;
  for (const path of [files.html, files.markdown, files.png, files.json]) note(`written: ${path}`);
}

/** The work of `svg-t2i eval report`. */
import { SCORES_KEYS, type ScoresConfig, scoresConfigSchema } from '../config/eval/scores.js';
import { loadConfig, merge, printConfig } from '../config/load.js';
import { SvgT2IError } from '../errors.js';
import type { ScoresResult } from '../eval/scores/result.js';
import { intervalText, scoreTables } from '../eval/scores/tables.js';
import { evaluateScores } from '../eval/scores.js';
import { printable } from '../printable.js';
import { followEvaluation } from './eval-run.js';
import { type CommonOptions, type Flag, flagNames, flagTree } from './flags.js';
import { formatTable, note, printJson, printLine } from './output.js';
import { prepareFolder } from './write-file.js';

/** Of the command line, as it was typed. */
export interface ReportFlags extends CommonOptions {
  readonly name?: readonly string[];
  readonly [flag: string]: unknown;
}

/** What the command takes where nothing is given. */
interface Usual {
  /** Its flags that are values of the configuration. */
  readonly known: readonly Flag[];
  readonly out: string;
}

export async function reportScores(
  results: readonly string[],
  flags: ReportFlags,
  usual: Usual,
): Promise<void> {
  const config = await resolveConfig(results, flags, usual);
  if (flags.printConfig === true) {
    process.stdout.write(printable(printConfig({ scores: config })));
    return;
  }
  if (config.out !== undefined) await prepareFolder(config.out, 0);
  const isJson = flags.json === true;
  const result = await followEvaluation(isJson, (options) => evaluateScores(config, options));
  if (isJson) printJson({ type: 'result', ...result });
  else printResult(result);
}

async function resolveConfig(
  results: readonly string[],
  flags: ReportFlags,
  { known, out }: Usual,
): Promise<ScoresConfig> {
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
  const { scores } = await loadConfig(scoresConfigSchema, {
    defaults: { scores: { out } },
    keys: SCORES_KEYS,
    file: flags.config,
    flags: merge(flagTree(known, flags), given.length === 0 ? {} : { scores: { results: given } }),
    set: flags.set,
    nameOf: flagNames(known, flags),
  });
  return scores;
}

/** As in --set the first equals sign counts. */
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

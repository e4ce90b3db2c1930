/** Tables of what scorers have found: their own result files side by side, with how sure each figure is. */
import { basename, dirname, extname, join, resolve } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { defined } from '../config/defined.js';
import { type ScoresConfig, scoresSchema } from '../config/eval/scores.js';
import { pathOf } from '../config/paths.js';
import { validate } from '../config/validate.js';
import { SvgT2IError, systemErrorCode } from '../errors.js';
import { makeFolder, replaceFile } from '../files.js';
import { readText } from '../regular-file.js';
import type { EvaluateOptions } from './events.js';
import { reportFiles, writeReport } from './html/write-report.js';
import { readGeneval2Prompts } from './layouts/geneval2.js';
import { checkNotSource } from './own-source.js';
import { INTERVAL_LEVEL } from './resampling.js';
import { estimateDifferences, estimateFigures } from './scores/bootstrap.js';
import { scoresPng } from './scores/chart.js';
import { readDpg } from './scores/dpg.js';
import { type QuestionList, readAnswers, readQuestions } from './scores/dpg-questions.js';
import { fileKindOf } from './scores/file-kind.js';
import { readGeneval } from './scores/geneval.js';
import { type BenchmarkRow, readGeneval2 } from './scores/geneval2.js';
import { scoresMarkdown } from './scores/markdown.js';
import { publishedScores } from './scores/published.js';
import { scoresReport } from './scores/report.js';
import type {
  RunDifference,
  Score,
  ScoredRun,
  ScoresFiles,
  ScoresRequest,
  ScoresResult,
} from './scores/result.js';
import { type RunScores, SCORE_SCALES, SCORER_TITLES, type ScorerKind } from './scores/run-scores.js';

const MAX_RESULT_BYTES = 512 * 1024 * 1024;

/**
 * Reads scorers' results, counts the figures of their papers' tables as they do, and says how sure they are.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a request that makes no sense or files of unlike scorers,
 *   ERR_SVGT2I_FILE_FORMAT with the numbers of broken lines, ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO; or the signal's reason
 *
 * @example
 * const { runs } = await evaluateScores({ results: [{ path: 'results.jsonl' }] });
 * console.log(runs[0]?.scores.find(({ key }) => key === 'overall'));
 */
export async function evaluateScores(
  request: ScoresRequest,
  { signal, onEvent }: EvaluateOptions = {},
): Promise<ScoresResult> {
  const config = validate(scoresSchema, withPlainPaths(request), { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  await refuseOwnSources(config);
  const { as, runs: read } = await readRuns(config);
  throwIfAborted(signal);
  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
    onEvent?.({ type: 'warning', message });
  };
  for (const run of read) for (const text of run.warnings) warn(`${run.name}: ${text}`);
  const published = config.published ? publishedScores(as) : undefined;
  if (config.published && published === undefined) warn(`the paper has no figures of ${SCORER_TITLES[as]}`);
  const result = await count(as, read, { config, signal, published, warnings });
  const files = config.out === undefined ? undefined : await writeAll(config.out, result, { config, read });
  return files === undefined ? result : { ...result, files };
}

/** With paths in place of `file:` URLs; what is no request at all the schema refuses. */
function withPlainPaths(request: ScoresRequest): Record<string, unknown> {
  const { results, questions, out } = request;
  const plain = (entry: unknown) =>
    typeof entry === 'object' && entry !== null && 'path' in entry
      ? { ...entry, path: pathOf(entry.path, 'path') }
      : entry;
  return {
    ...request,
    results: Array.isArray(results) ? results.map(plain) : results,
    ...defined({ questions: pathOf(questions, 'questions'), out: pathOf(out, 'out') }),
  };
}

async function count(
  as: ScorerKind,
  read: readonly RunScores[],
  {
    config: { bootstrap, seed },
    signal,
    published,
    warnings,
  }: {
    readonly config: ScoresConfig;
    readonly signal: AbortSignal | undefined;
    readonly published: ReturnType<typeof publishedScores>;
    readonly warnings: readonly string[];
  },
): Promise<ScoresResult> {
  const { factor } = SCORE_SCALES[as];
  const options = { draws: bootstrap, seed, signal };
  const runs: ScoredRun[] = [];
  for (const run of read) runs.push(await scoredRun(run, options, factor));
  const differences: RunDifference[] = [];
  const [baseline, ...others] = read;
  for (const other of baseline === undefined ? [] : others) {
    differences.push(await differenceOf(other, baseline as RunScores, options, factor));
  }
  return {
    as,
    scale: factor,
    interval:
      bootstrap === 0
        ? null
        : { level: INTERVAL_LEVEL, method: 'percentile bootstrap over prompts', draws: bootstrap, seed },
    runs,
    differences,
    ...(published === undefined
      ? {}
      : {
          published: {
            title: published.title,
            note: published.note,
            scores: Object.fromEntries([...published.scores].map(([key, value]) => [key, value * factor])),
          },
        }),
    warnings,
  };
}

type DrawOptions = Parameters<typeof estimateFigures>[2];

async function scoredRun(run: RunScores, options: DrawOptions, factor: number): Promise<ScoredRun> {
  const estimates = await estimateFigures(run.figures, run.prompts, options);
  const scores = run.figures.map(({ key, title, group }): Score => {
    const { value = null, interval, prompts = 0 } = estimates.get(key) ?? {};
    const told = run.told.get(key);
    if (value === null)
      return { key, title, group, value: told === undefined ? null : told * factor, prompts };
    const ends = interval === undefined ? {} : { low: interval.low * factor, high: interval.high * factor };
    return { key, title, group, value: value * factor, ...ends, prompts };
  });
  return {
    name: run.name,
    path: run.path,
    prompts: run.prompts.length,
    pictures: run.prompts.reduce((sum, { pictures }) => sum + pictures, 0),
    scores,
  };
}

async function differenceOf(
  run: RunScores,
  baseline: RunScores,
  options: DrawOptions,
  factor: number,
): Promise<RunDifference> {
  const figures = run.figures.filter(({ key }) => baseline.figures.some((figure) => figure.key === key));
  const { prompts, differences } = await estimateDifferences(figures, run.prompts, baseline.prompts, options);
  const scores = figures.map(({ key, title, group }): Score => {
    const { value = null, interval, prompts: own = 0 } = differences.get(key) ?? {};
    const ends = interval === undefined ? {} : { low: interval.low * factor, high: interval.high * factor };
    return { key, title, group, value: value === null ? null : value * factor, ...ends, prompts: own };
  });
  return { name: run.name, minus: baseline.name, prompts, scores };
}

function filesIn(out: string) {
  return { markdown: join(out, 'report.md'), png: join(out, 'scores.png'), ...reportFiles(out) };
}

/** GenEval 2's scorer may have been told to write results.json. */
async function refuseOwnSources({ out, results, questions }: ScoresConfig): Promise<void> {
  if (out === undefined) return;
  const sources = [...results.map(({ path }) => path), ...(questions === undefined ? [] : [questions])];
  for (const written of Object.values(filesIn(out))) {
    for (const source of sources) await checkNotSource(written, source);
  }
}

async function writeAll(
  out: string,
  result: ScoresResult,
  { config, read }: { readonly config: ScoresConfig; readonly read: readonly RunScores[] },
): Promise<ScoresFiles> {
  const { markdown, png } = filesIn(out);
  await makeFolder(out);
  await replaceFile(markdown, [scoresMarkdown(result)]);
  await replaceFile(png, [await scoresPng(result)]);
  const written = await writeReport(out, await scoresReport(result, config, read), result);
  return { ...written, markdown, png };
}

interface ReadText {
  readonly path: string;
  readonly name: string;
  readonly text: string;
}

async function readRuns(config: ScoresConfig): Promise<{ as: ScorerKind; runs: readonly RunScores[] }> {
  const names = namesOf(config.results);
  const texts: ReadText[] = [];
  for (const [i, { path }] of config.results.entries()) {
    const text = await readText(path, { maxBytes: MAX_RESULT_BYTES });
    texts.push({ path, name: names[i] ?? path, text: text.replace(/^\uFEFF/, '') });
  }
  const as = scorerOf(texts, config.as);
  switch (as) {
    case 'geneval':
      return { as, runs: texts.map((file) => readGeneval(file.text, file)) };
    case 'geneval2': {
      const benchmark = await benchmarkOf(config);
      return { as, runs: texts.map((file) => readGeneval2(file.text, file, benchmark)) };
    }
    case 'dpg': {
      const questions = await questionsOf(config);
      const runs: RunScores[] = [];
      for (const file of texts) runs.push(readDpg(file.text, file, await answersOf(file.path, questions)));
      return { as, runs };
    }
  }
}

async function benchmarkOf({ questions }: ScoresConfig): Promise<readonly BenchmarkRow[] | undefined> {
  if (questions === undefined) return undefined;
  return (await readGeneval2Prompts(questions)).map(({ row }) => row);
}

async function questionsOf({ questions }: ScoresConfig): Promise<QuestionList | undefined> {
  if (questions === undefined) return undefined;
  return readQuestions(await readText(questions, { maxBytes: MAX_RESULT_BYTES }), questions);
}

/** The scorer puts the answers beside the scores; a run without them has no intervals of its categories. */
async function answersOf(path: string, questions: QuestionList | undefined) {
  if (questions === undefined || !path.endsWith('.txt')) return undefined;
  const details = path.replaceAll('.txt', '_detail.txt');
  try {
    return readAnswers(await readText(details, { maxBytes: MAX_RESULT_BYTES }), details, questions);
  } catch (error) {
    if (SvgT2IError.isInstance(error) && systemErrorCode(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

function scorerOf(texts: readonly ReadText[], wanted: ScorerKind | undefined): ScorerKind {
  let as = wanted;
  let first = 'what was asked for';
  for (const { path, text } of texts) {
    const found = fileKindOf(text);
    if (found === undefined) {
      if (wanted !== undefined && text.trim() !== '') continue;
      throw new SvgT2IError(
        'ERR_SVGT2I_FILE_FORMAT',
        text.trim() === '' ? `${path} is empty` : `${path} is no scorer's result that is known`,
        {
          hint: "GenEval's results.jsonl, GenEval 2's score lists and DPG-Bench's results.txt are read.",
        },
      );
    }
    if (found.kind === 'other') {
      const hint = found.hint;
      throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is ${found.what}, not a scorer's result`, {
        hint,
      });
    }
    if (as !== undefined && as !== found.kind) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `${path} is a result of ${SCORER_TITLES[found.kind]}, ${first} is ${SCORER_TITLES[as]}`,
        { hint: 'One table has the results of one scorer.' },
      );
    }
    if (as === undefined) first = path;
    as = found.kind;
  }
  return as ?? 'geneval';
}

/** Files of one name are told apart by the folders above them. */
function namesOf(results: ScoresConfig['results']): readonly string[] {
  const parts = results.map(({ path }) => {
    const full = resolve(path);
    return [...dirname(full).split('/').filter(Boolean), basename(full, extname(full))];
  });
  let length = 1;
  const names = () => parts.map((part, i) => results[i]?.name ?? part.slice(-length).join('/'));
  const longest = Math.max(...parts.map((part) => part.length));
  while (length < longest && new Set(names()).size < results.length) length++;
  const named = names();
  const twice = named.find((name, i) => named.indexOf(name) !== i);
  if (twice === undefined) return named;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `two results have the name "${twice}"`, {
    hint: 'Each result is given once; --name NAME=FILE names one.',
  });
}

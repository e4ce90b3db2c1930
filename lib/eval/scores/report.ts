/** Scores as the report that a user looks at, with the pictures that the scorer saw where they are still there. */
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type ScoresConfig, scoresSchema } from '../../config/eval/scores.js';
import { commandLine } from '../command-line.js';
import type { ContactSheet, Failure, Histogram, ReportContent, ReportPicture } from '../report-content.js';
import { hasFile, readSmallPicture } from '../small-picture.js';
import { spread } from '../spread.js';
import type { ScoresResult } from './result.js';
import { type RunScores, SCORE_SCALES, SCORER_TITLES, type ScoredPicture } from './run-scores.js';
import { intervalText, numberText, scoreTables } from './tables.js';

/** Pictures of a sheet. */
const SHEET_PICTURES = 16;
/** So many in a row, and none before: they lie elsewhere now. */
const ENOUGH_MISSING = 20;

/** What the page holds; `read` are the runs as their files have them. */
export async function scoresReport(
  result: ScoresResult,
  config: ScoresConfig,
  read: readonly RunScores[],
): Promise<ReportContent> {
  const { as, runs, published, interval, warnings } = result;
  const found = await Promise.all(read.map(findPictures));
  const lost = read.filter(
    ({ pictures }, i) => pictures.some(({ path }) => path !== '') && found[i]?.size === 0,
  );
  const sheets: ContactSheet[] = [];
  for (const [i, run] of read.entries()) sheets.push(...(await sheetsOf(run, found[i] ?? new Map())));
  return {
    title: `${SCORER_TITLES[as]}: ${runs.map(({ name }) => name).join(', ')}`,
    command: commandLine(
      [
        ...['eval', 'report'],
        ...config.results.flatMap(({ path, name }) =>
          name === undefined ? [path] : ['--name', `${name}=${path}`],
        ),
      ],
      { schema: scoresSchema, values: { ...config, results: undefined } },
    ),
    time: new Date().toISOString(),
    headline: runs.flatMap(({ name, scores }) => {
      const overall = scores.find(({ key }) => key === 'overall') ?? scores[0];
      if (overall === undefined || overall.value === null) return [];
      const { low, high } = overall;
      const between = [low, high].map((end) => numberText(result, end));
      return [
        {
          name: `${name}, ${overall.title}`,
          value: numberText(result, overall.value),
          ...(low === undefined ? {} : { note: `${between.join(' to ')} (95 %)` }),
        },
      ];
    }),
    tables: scoreTables(result),
    histograms: histogramsOf(read),
    sheets,
    failures: read.flatMap((run, i) => failuresOf(run, found[i] ?? new Map(), read.length > 1)),
    warnings: [
      ...warnings,
      ...lost.map(
        ({ name }) =>
          `${name}: its pictures are not where the scorer saw them; there are no thumbnails and no links`,
      ),
    ],
    settings: {
      interval: interval === null ? 'none' : intervalText(result),
      results: Object.fromEntries(runs.map(({ name, path }) => [name, resolve(path)])),
      questions: config.questions === undefined ? undefined : resolve(config.questions),
      ...(published === undefined ? {} : { published: published.note }),
    },
  };
}

/** The scorer's paths -> where the files are. */
async function findPictures(run: RunScores): Promise<ReadonlyMap<string, string>> {
  const folder = dirname(resolve(run.path));
  const found = new Map<string, string>();
  let missing = 0;
  for (const { path } of run.pictures) {
    if (path === '' || found.has(path)) continue;
    const parts = path.split(/[/\\]/);
    const places = [
      ...(isAbsolute(path) ? [path] : [resolve(path), join(folder, path)]),
      ...[4, 3, 2, 1].map((count) => join(folder, ...parts.slice(-count))),
    ];
    for (const place of places) {
      if (!(await hasFile(place))) continue;
      found.set(path, place);
      break;
    }
    if (!found.has(path)) missing++;
    // A folder that is gone is gone for all.
    if (found.size === 0 && missing >= ENOUGH_MISSING) break;
  }
  return found;
}

function histogramsOf(read: readonly RunScores[]): readonly Histogram[] {
  return read.flatMap(({ as, name, prompts }) => {
    const { factor } = SCORE_SCALES[as];
    const key =
      as === 'geneval'
        ? 'correct_images'
        : as === 'dpg'
          ? 'overall'
          : prompts[0]?.tallies.has('gm')
            ? 'gm'
            : 'am';
    const values = prompts.flatMap(({ tallies }) => {
      const tally = tallies.get(key);
      return tally === undefined ? [] : [(tally.sum / tally.count) * factor];
    });
    if (values.length < 2) return [];
    const what = as === 'geneval' ? 'share of correct pictures' : 'score';
    return [{ title: `${name}: prompts by their ${what}`, unit: `${what}, of ${factor}`, values }];
  });
}

async function sheetsOf(
  run: RunScores,
  found: ReadonlyMap<string, string>,
): Promise<readonly ContactSheet[]> {
  const there = run.pictures.filter(({ path }) => found.has(path));
  if (there.length === 0) return [];
  const sheet = async (title: string, pictures: readonly ScoredPicture[]): Promise<ContactSheet> => {
    const shown: ReportPicture[] = [];
    // One after another: a grid of four has some megabytes.
    for (const picture of pictures) shown.push(await reportPicture(run, picture, found));
    return { title: `${run.name}: ${title}`, pictures: shown };
  };
  if (run.as === 'geneval') {
    const tasks = [...new Set(there.map(({ task = '' }) => task))];
    const wrong = tasks.flatMap((task) => {
      const own = there.filter((picture) => picture.task === task && picture.correct === false);
      return spread(own, Math.max(2, Math.ceil(SHEET_PICTURES / tasks.length)));
    });
    const right = there.filter(({ correct }) => correct === true);
    const sheets = [
      ...(wrong.length === 0 ? [] : [await sheet('judged wrong, of every task', wrong)]),
      ...(right.length === 0 ? [] : [await sheet('judged right', spread(right, SHEET_PICTURES))]),
    ];
    return sheets;
  }
  const sorted = [...there].sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1));
  if (sorted.length <= SHEET_PICTURES) return [await sheet('from best to worst', sorted)];
  const middle = Math.floor((sorted.length - SHEET_PICTURES) / 2);
  return [
    await sheet('best', sorted.slice(0, SHEET_PICTURES)),
    await sheet('median', sorted.slice(middle, middle + SHEET_PICTURES)),
    await sheet('worst', sorted.slice(-SHEET_PICTURES).reverse()),
  ];
}

async function reportPicture(
  { as }: RunScores,
  { path, prompt, score, correct, task, reasons }: ScoredPicture,
  found: ReadonlyMap<string, string>,
): Promise<ReportPicture> {
  const place = found.get(path) ?? path;
  const image = await readSmallPicture(place);
  const { factor, digits } = SCORE_SCALES[as];
  const value = correct === undefined ? (score * factor).toFixed(digits) : [task, ...reasons].join(': ');
  return {
    caption: prompt ?? path.split(/[/\\]/).at(-1) ?? path,
    images: image === undefined ? [] : [image],
    path: place,
    value,
    ...(correct === undefined ? {} : { good: correct }),
  };
}

function failuresOf(
  { as, name, pictures }: RunScores,
  found: ReadonlyMap<string, string>,
  isNamed: boolean,
): readonly Failure[] {
  const bad = pictures.filter(
    ({ correct, reasons }) => correct === false || (correct === undefined && reasons.length > 0),
  );
  const { factor, digits } = SCORE_SCALES[as];
  return [...bad]
    .sort((a, b) => a.score - b.score)
    .map(({ path, prompt, reasons, correct, score }) => {
      const place = found.get(path);
      const said = correct === undefined ? [`score ${(score * factor).toFixed(digits)}`] : [];
      return {
        ...(prompt === undefined ? (place === undefined && path !== '' ? { prompt: path } : {}) : { prompt }),
        ...(place === undefined ? {} : { path: place }),
        reasons: [
          ...(isNamed ? [name] : []),
          ...said,
          ...(reasons.length === 0 && said.length === 0 ? ['judged wrong'] : reasons),
        ],
      };
    });
}

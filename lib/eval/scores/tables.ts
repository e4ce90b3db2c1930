/** Scores as tables of text: the screen's, the report's and Markdown's are the same. */
import type { ReportTable } from '../report-content.js';
import type { Score, ScoresResult } from './result.js';
import { SCORE_SCALES, SCORER_TITLES } from './run-scores.js';

const GROUPS = { main: '', detail: ', in detail' } as const;

/** A row a figure, a column a run; then how each run differs from the first. */
export function scoreTables(result: ScoresResult): readonly ReportTable[] {
  return [
    ...(['main', 'detail'] as const).flatMap((group) => figureTable(result, group)),
    ...differenceTable(result),
  ];
}

function figureTable(result: ScoresResult, group: Score['group']): readonly ReportTable[] {
  const { as, runs, published } = result;
  const figures = figuresOf(runs, group);
  if (figures.length === 0) return [];
  const hasPublished = group === 'main' && published !== undefined;
  return [
    {
      title: `${SCORER_TITLES[as]}${GROUPS[group]}`,
      columns: ['figure', ...runs.map(({ name }) => name), ...(hasPublished ? [published.title] : [])],
      rows: figures.map(({ key, title }) => [
        title,
        ...runs.map(({ scores }) => scoreText(result, scoreOf(scores, key))),
        ...(hasPublished ? [numberText(result, published.scores[key])] : []),
      ]),
    },
  ];
}

function differenceTable(result: ScoresResult): readonly ReportTable[] {
  const { differences } = result;
  const [first] = differences;
  if (first === undefined) return [];
  const rows = figuresOf(differences, undefined)
    .map(({ key, title }) => [
      title,
      ...differences.map(({ scores }) => scoreText(result, scoreOf(scores, key), true)),
    ])
    .filter((row) => row.slice(1).some((cell) => cell !== '-'));
  if (rows.length === 0) return [];
  return [
    {
      title: `Difference to ${first.minus}, over the prompts that both have`,
      columns: ['figure', ...differences.map(({ name, prompts }) => `${name} (${prompts} prompts)`)],
      rows,
    },
  ];
}

/** Of all runs, in the order of the first that has them. */
function figuresOf(
  runs: readonly { readonly scores: readonly Score[] }[],
  group: Score['group'] | undefined,
): readonly Score[] {
  const seen = new Map<string, Score>();
  for (const { scores } of runs) {
    for (const score of scores) {
      if ((group === undefined || score.group === group) && !seen.has(score.key)) seen.set(score.key, score);
    }
  }
  const all = [...seen.values()];
  // A task that a later run alone has stands before the mean of all.
  return [...all.filter(({ key }) => key !== 'overall'), ...all.filter(({ key }) => key === 'overall')].sort(
    (a, b) => Number(a.group === 'detail') - Number(b.group === 'detail'),
  );
}

function scoreOf(scores: readonly Score[], key: string): Score | undefined {
  return scores.find((score) => score.key === key);
}

/** "0.753 [0.731, 0.774]"; with a sign where it is a difference; "-" where there is none. */
export function scoreText(
  result: Pick<ScoresResult, 'as'>,
  score: Score | undefined,
  isSigned = false,
): string {
  if (score === undefined || score.value === null) return '-';
  const text = (value: number) => numberText(result, value, isSigned);
  const { low, high } = score;
  return low === undefined || high === undefined
    ? text(score.value)
    : `${text(score.value)} [${text(low)}, ${text(high)}]`;
}

export function numberText(
  { as }: Pick<ScoresResult, 'as'>,
  value: number | undefined,
  isSigned = false,
): string {
  if (value === undefined) return '-';
  const text = value.toFixed(SCORE_SCALES[as].digits);
  return isSigned && !text.startsWith('-') ? `+${text}` : text;
}

/** What the numbers in brackets are. */
export function intervalText({ interval }: Pick<ScoresResult, 'interval'>): string {
  if (interval === null) return 'Without intervals.';
  const { level, method, draws, seed } = interval;
  return `In brackets: ${level * 100} % interval, ${method}, ${draws} draws, seed ${seed}.`;
}

/** DPG-Bench's results: a line a picture, then a summary. Source: TencentQQGYLab/ELLA, dpg_bench/compute_dpg_bench.py. */
import { SvgT2IError } from '../../errors.js';
import { parseCsv } from '../layouts/csv.js';
import { dpgId } from '../layouts/dpg-id.js';
import { type Answer, type AnswerList, scoreOf } from './dpg-questions.js';
import { BrokenLines, counted, linesOf } from './result-lines.js';
import type { FigureSpec, RunScores, ScoredPicture, ScoredPrompt, Tally } from './run-scores.js';

const ALL_PROMPTS = 1065;
/** In a grid, as published figures are made. */
const USUAL_PICTURES = 4;
/** In the order of the papers' tables. */
const CATEGORIES = ['global', 'entity', 'attribute', 'relation', 'other'];
const NUMBER = /^\d+(?:\.\d+)?(?:e-?\d+)?$/;

interface ScoreLine {
  readonly path: string;
  /** Of each picture of the grid, 0 to 1. */
  readonly scores: readonly number[];
  readonly average: number;
}

interface Summary {
  /** By name, 0 to 1. */
  readonly first: ReadonlyMap<string, number>;
  readonly second: ReadonlyMap<string, number>;
  readonly overall: number | undefined;
}

/**
 * The score of each prompt from its line, and categories from the answers where they are known, from the scorer's own
 * summary elsewhere. As in the scorer a category is the share of yes among the answers to the last picture of each grid.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with the numbers of broken lines
 */
export function readDpg(
  text: string,
  { name, path }: Pick<RunScores, 'name' | 'path'>,
  answers: AnswerList | undefined,
): RunScores {
  const isTable = /^\s*category,level,score/.test(text);
  const { lines, summary } = isTable ? readTable(text, path) : readLines(text, path);
  const answered = new Map(lines.map((line) => [line, answers?.get(dpgId(line.path))] as const));
  const last = [...answered.values()].flatMap((crops) => crops?.at(-1) ?? []);
  const categories =
    last.length > 0
      ? [...new Set(last.map(({ question }) => question.category))]
      : [...summary.second.keys()];
  const told = new Map<string, number>();
  if (last.length === 0) {
    for (const [category, score] of summary.first) told.set(firstKey(category), score);
    for (const [category, score] of summary.second) told.set(secondKey(category), score);
  }
  if (lines.length === 0 && summary.overall !== undefined) told.set('overall', summary.overall);
  const firsts = last.length > 0 ? [...new Set(categories.map(firstOf))] : [...summary.first.keys()];
  return {
    as: 'dpg',
    name,
    path,
    figures: figuresOf(firsts, categories),
    prompts: lines.map((line) => promptOf(line, answered.get(line)?.at(-1))),
    told,
    pictures: lines.map((line) => pictureOf(line, answered.get(line))),
    warnings: warningsOf(lines, summary, answered, isTable),
  };
}

function readLines(text: string, path: string): { lines: readonly ScoreLine[]; summary: Summary } {
  const broken = new BrokenLines(path);
  const lines: ScoreLine[] = [];
  const [first, second] = [new Map<string, number>(), new Map<string, number>()];
  let overall: number | undefined;
  let section: Map<string, number> | undefined;
  for (const { number, text: line } of linesOf(text)) {
    const told =
      /^(?:DPG-Bench score|Model|L[12] category scores|Image path|Save results to|Question CSV):/.exec(
        line,
      )?.[0];
    if (told === 'L1 category scores:') section = first;
    else if (told === 'L2 category scores:') section = second;
    else if (told !== undefined) {
      section = undefined;
      if (told === 'DPG-Bench score:') overall = Number(line.slice(told.length)) / 100;
    } else if (line.startsWith('\t') && section !== undefined) {
      const [, category = '', score = ''] = /^\t(.*): (\S+)/.exec(line) ?? [];
      if (category === '' || !Number.isFinite(Number(score)))
        broken.add(number, `no category: ${line.trim()}`);
      else section.set(category.trim(), Number(score) / 100);
    } else {
      const parsed = scoreLine(line);
      if (typeof parsed === 'string') broken.add(number, parsed);
      else lines.push(parsed);
    }
  }
  broken.check();
  if (lines.length === 0 && overall === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} has no results`);
  }
  return { lines, summary: { first, second, overall } };
}

/** A path may have commas: the numbers at its end are the scores and their mean. */
function scoreLine(line: string): ScoreLine | string {
  const parts = line.split(', ');
  let start = parts.length;
  while (start > 1 && NUMBER.test(parts[start - 1] ?? '')) start--;
  const numbers = parts.slice(start).map(Number);
  const [average, scores] = [numbers.at(-1), numbers.slice(0, -1)];
  if (average === undefined || scores.length === 0) return 'no picture with its scores';
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  if (scores.some((score) => score > 1) || Math.abs(mean - average) > 1e-6) {
    return `${average} is not the mean of the scores before it`;
  }
  return { path: parts.slice(0, start).join(', '), scores, average };
}

/** The summary that ports write as a table: category,level,score. */
function readTable(text: string, path: string): { lines: readonly ScoreLine[]; summary: Summary } {
  const [first, second] = [new Map<string, number>(), new Map<string, number>()];
  let overall: number | undefined;
  const broken = new BrokenLines(path);
  for (const { line, fields } of parseCsv(text.trimStart(), path).slice(1)) {
    const [category = '', level = '', score = ''] = fields;
    const value = Number(score);
    if (score === '' || !(value >= 0 && value <= 1)) broken.add(line, `no score from 0 to 1: "${score}"`);
    else if (level === 'mean') overall = value;
    else if (level === 'L1') first.set(category, value);
    else if (level === 'L2') second.set(category, value);
    else broken.add(line, `a level "${level}"`);
  }
  broken.check();
  return { lines: [], summary: { first, second, overall } };
}

function figuresOf(firsts: readonly string[], seconds: readonly string[]): readonly FigureSpec[] {
  const ordered = [
    ...CATEGORIES.filter((category) => firsts.includes(category)),
    ...firsts.filter((category) => !CATEGORIES.includes(category)).sort(),
  ];
  return [
    ...ordered.map((category) => ({ key: firstKey(category), title: category, group: 'main' as const })),
    { key: 'overall', title: 'overall', group: 'main' },
    ...[...seconds]
      .sort()
      .map((category) => ({ key: secondKey(category), title: category, group: 'detail' as const })),
  ];
}

function firstOf(category: string): string {
  return category.split('-')[0]?.trim() ?? '';
}

function firstKey(category: string): string {
  return `l1_${category}`;
}

function secondKey(category: string): string {
  return `l2_${category}`;
}

function promptOf(line: ScoreLine, answers: readonly Answer[] | undefined): ScoredPrompt {
  const tallies = new Map<string, { sum: number; count: number }>([
    ['overall', { sum: line.average, count: 1 }],
  ]);
  const add = (key: string, isYes: boolean) => {
    const tally = tallies.get(key) ?? { sum: 0, count: 0 };
    tallies.set(key, { sum: tally.sum + (isYes ? 1 : 0), count: tally.count + 1 });
  };
  for (const { question, isYes } of answers ?? []) {
    add(firstKey(firstOf(question.category)), isYes);
    add(secondKey(question.category), isYes);
  }
  return {
    key: dpgId(line.path),
    stratum: '',
    pictures: line.scores.length,
    tallies: tallies satisfies ReadonlyMap<string, Tally>,
  };
}

function pictureOf(line: ScoreLine, crops: readonly (readonly Answer[])[] | undefined): ScoredPicture {
  const reasons = (crops ?? []).flatMap((answers, i) =>
    answers.filter(({ isYes }) => !isYes).map(({ question }) => `picture ${i + 1}: ${question.text} no`),
  );
  const prompt = crops?.[0]?.[0]?.question.prompt;
  return { path: line.path, prompt, score: line.average, reasons };
}

function warningsOf(
  lines: readonly ScoreLine[],
  summary: Summary,
  answered: ReadonlyMap<ScoreLine, readonly (readonly Answer[])[] | undefined>,
  isTable: boolean,
): readonly string[] {
  if (isTable) return ['a summary alone: how many prompts it is of is not said, and there are no intervals'];
  const warnings: string[] = [];
  const items = new Set(lines.map(({ path }) => dpgId(path)));
  if (items.size !== ALL_PROMPTS) {
    warnings.push(`partial: ${counted(items.size, 'prompt')} where the benchmark has ${ALL_PROMPTS}`);
  }
  if (lines.length > items.size) {
    warnings.push(
      `${counted(lines.length - items.size, 'line')} of prompts that are there before: they count twice, as in the scorer`,
    );
  }
  const numbers = [...new Set(lines.map(({ scores }) => scores.length))].sort();
  if (numbers.some((number) => number !== USUAL_PICTURES)) {
    warnings.push(
      `${numbers.join(' or ')} pictures a prompt were scored (--pic-num), published figures are of ${USUAL_PICTURES}`,
    );
  }
  const mean = lines.reduce((sum, { average }) => sum + average, 0) / Math.max(1, lines.length);
  if (summary.overall === undefined) {
    warnings.push("the scorer's summary is missing: it has not come to its end");
  } else if (lines.length > 0 && Math.abs(summary.overall - mean) > 1e-4) {
    const [said, found] = [summary.overall, mean].map((score) => (100 * score).toFixed(2));
    warnings.push(
      `the scorer's summary says ${said}, the lines of its pictures give ${found}: some are missing or too many`,
    );
  }
  const known = [...answered.values()].filter((crops) => crops !== undefined).length;
  if (known === 0 && lines.length > 0) {
    warnings.push(
      'categories have no intervals: --questions dpg_bench.csv, with the _detail.txt beside the result, gives them',
    );
  } else if (known < lines.length) {
    warnings.push(
      `${counted(lines.length - known, 'prompt')} without answers in the _detail.txt: the categories are of the others`,
    );
  }
  const unlike = lines.filter((line) => isUnlike(line, answered.get(line))).length;
  if (unlike > 0)
    warnings.push(
      `${counted(unlike, 'prompt')} whose answers give another score: not the list that the scorer had?`,
    );
  return warnings;
}

function isUnlike({ scores }: ScoreLine, crops: readonly (readonly Answer[])[] | undefined): boolean {
  if (crops === undefined) return false;
  return (
    crops.length !== scores.length ||
    crops.some((answers, i) => Math.abs(scoreOf(answers) - (scores[i] ?? 0)) > 1e-6)
  );
}

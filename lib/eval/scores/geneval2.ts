/** GenEval 2's list of scores: a list for each prompt. Source: facebookresearch/GenEval2, evaluation.py and soft_tifa_analysis.py. */
import { SvgT2IError } from '../../errors.js';
import type { Geneval2Prompt } from '../layouts/geneval2.js';
import { counted, jsonOf } from './result-lines.js';
import type { FigureSpec, RunScores, ScoredPicture, ScoredPrompt, Tally } from './run-scores.js';

const ALL_PROMPTS = 800;
/** In the order of the scorer's analysis. */
const SKILLS = ['object', 'attribute', 'count', 'position', 'verb'];

/** A prompt of geneval2_data.jsonl. */
export type BenchmarkRow = Geneval2Prompt['row'];

/**
 * Soft-TIFA over prompts: the mean of geometric and of arithmetic means; with the benchmark file also by skill
 * (scores pooled) and by the number of atoms (geometric means), as the scorer's analysis has them.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for another form, or lists that are not the benchmark's
 */
export function readGeneval2(
  text: string,
  { name, path }: Pick<RunScores, 'name' | 'path'>,
  benchmark: readonly BenchmarkRow[] | undefined,
): RunScores {
  const lists = parseLists(text, path);
  if (benchmark !== undefined) checkFit(lists, benchmark, path);
  const isSingle = lists.every((list) => list.length === 1);
  const rows = isSingle ? undefined : benchmark;
  return {
    as: 'geneval2',
    name,
    path,
    figures: figuresOf(rows, methodOf(lists)),
    prompts: lists.map((list, i) => promptOf(list, i, rows?.[i], benchmark?.[i]?.prompt)),
    told: new Map(),
    pictures: lists.map((list, i) => pictureOf(list, benchmark?.[i], rows !== undefined)),
    warnings: warningsOf(lists, benchmark, isSingle),
  };
}

function parseLists(text: string, path: string): readonly (readonly number[])[] {
  const wrong = (what: string) =>
    new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path}: ${what}`, {
      hint: "GenEval 2's evaluation.py writes a list of lists of scores, one for each prompt.",
    });
  const value = jsonOf(text);
  if (value === undefined) throw wrong('no JSON, or cut off');
  if (!Array.isArray(value) || value.length === 0) throw wrong('no list of lists');
  return value.map((list, i) => {
    if (!Array.isArray(list) || list.length === 0) throw wrong(`entry ${i} is no list of scores`);
    const bad = list.find((score) => typeof score !== 'number' || !(score >= 0));
    if (bad !== undefined) throw wrong(`entry ${i} has the score ${JSON.stringify(bad)}`);
    return list as number[];
  });
}

function checkFit(
  lists: readonly (readonly number[])[],
  benchmark: readonly BenchmarkRow[],
  path: string,
): void {
  const hint = 'Pass the benchmark file that the scorer was called with.';
  if (lists.length !== benchmark.length) {
    const what = `${path} has scores of ${lists.length} prompts, the benchmark file has ${benchmark.length}`;
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', what, { hint });
  }
  // vqascore has one score a prompt, whatever is asked.
  if (lists.every((list) => list.length === 1)) return;
  const at = lists.findIndex((list, i) => list.length !== benchmark[i]?.vqa_list.length);
  if (at < 0) return;
  const what = `${path}: entry ${at} has ${counted(lists[at]?.length ?? 0, 'score')} for ${counted(benchmark[at]?.vqa_list.length ?? 0, 'question')}`;
  throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', what, { hint });
}

/** The scorer does not write which of its methods it was. */
function methodOf(lists: readonly (readonly number[])[]): string {
  if (lists.every((list) => list.length === 1)) return 'VQAScore';
  return lists.every((list) => list.every((score) => score === 0 || score === 1)) ? 'TIFA' : 'Soft-TIFA';
}

function figuresOf(rows: readonly BenchmarkRow[] | undefined, method: string): readonly FigureSpec[] {
  if (method === 'VQAScore') return [{ key: 'am', title: method, group: 'main' }];
  const skills = [...new Set(rows?.flatMap((row) => row.skills))];
  const ordered = [
    ...SKILLS.filter((skill) => skills.includes(skill)),
    ...skills.filter((skill) => !SKILLS.includes(skill)).sort(),
  ];
  const atoms = [...new Set(rows?.map((row) => row.atom_count))].sort((a, b) => a - b);
  return [
    { key: 'gm', title: `${method} GM`, group: 'main' },
    { key: 'am', title: `${method} AM`, group: 'main' },
    ...ordered.map((skill) => ({ key: `skill_${skill}`, title: skill, group: 'detail' as const })),
    ...atoms.map((count) => ({
      key: `atoms_${count}`,
      title: `${count} atoms (GM)`,
      group: 'detail' as const,
    })),
  ];
}

function promptOf(
  list: readonly number[],
  index: number,
  row: BenchmarkRow | undefined,
  prompt: string | undefined,
): ScoredPrompt {
  const [gm, am] = [geometricMean(list), mean(list)];
  const tallies = new Map<string, Tally>([
    ['gm', { sum: gm, count: 1 }],
    ['am', { sum: am, count: 1 }],
  ]);
  if (row !== undefined) {
    tallies.set(`atoms_${row.atom_count}`, { sum: gm, count: 1 });
    for (const skill of new Set(row.skills)) {
      const own = list.filter((_, i) => row.skills[i] === skill);
      tallies.set(`skill_${skill}`, { sum: own.reduce((sum, score) => sum + score, 0), count: own.length });
    }
  }
  return {
    key: prompt ?? `${index}`,
    stratum: row === undefined ? '' : `${row.atom_count}`,
    pictures: 1,
    tallies,
  };
}

/** One score of 0 makes it 0, as in scipy's. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The file names no pictures: the prompt stands for its own. */
function pictureOf(
  list: readonly number[],
  row: BenchmarkRow | undefined,
  isByQuestion: boolean,
): ScoredPicture {
  const reasons = isByQuestion
    ? list.flatMap((score, i) => {
        const [question, answer] = row?.vqa_list[i] ?? [];
        return score < 0.5 ? [`${question} ${answer}: ${score.toFixed(2)}`] : [];
      })
    : [];
  return { path: '', prompt: row?.prompt, score: geometricMean(list), reasons };
}

function warningsOf(
  lists: readonly (readonly number[])[],
  benchmark: readonly BenchmarkRow[] | undefined,
  isSingle: boolean,
): readonly string[] {
  const warnings: string[] = [];
  if (lists.length !== ALL_PROMPTS) {
    warnings.push(`partial: ${counted(lists.length, 'prompt')} where the benchmark has ${ALL_PROMPTS}`);
  }
  if (benchmark === undefined && !isSingle) {
    warnings.push(
      'no scores by skill and number of atoms: --questions geneval2_data.jsonl tells which is which',
    );
  }
  const above = lists.flat().filter((score) => score > 1).length;
  if (above > 0) {
    warnings.push(
      `${counted(above, 'score')} above 1: the scorer adds up spellings of an answer, which may begin with one token`,
    );
  }
  return warnings;
}

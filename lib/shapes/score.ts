/** GenEval's table: the part of correct pictures in each category, and the mean of the categories. */
import type { Verdict } from './judge.js';
import { CATEGORIES, type Category } from './vocabulary.js';

export interface Judged {
  readonly category: Category;
  readonly prompt: string;
  readonly verdict: Pick<Verdict, 'correct' | 'reasons'>;
}

export interface Scores {
  /** Mean over the categories that have pictures. */
  readonly overall: number;
  /** null for a category without pictures. */
  readonly categories: Readonly<Record<Category, number | null>>;
  /** Number of pictures judged. */
  readonly prompts: number;
}

export function scoresOf(judged: readonly Judged[]): Scores {
  const entries = CATEGORIES.map((category) => {
    const { correct, prompts } = countsOf(judged, category);
    return [category, prompts === 0 ? null : correct / prompts] as const;
  });
  const present = entries.flatMap(([, score]) => (score === null ? [] : [score]));
  return {
    overall: present.reduce((sum, score) => sum + score, 0) / Math.max(1, present.length),
    categories: Object.fromEntries(entries) as Record<Category, number | null>,
    prompts: judged.length,
  };
}

export const SCORE_COLUMNS = ['category', 'correct', 'prompts', 'score'] as const;

/** Rows of text, the mean last. */
export function scoreRows(judged: readonly Judged[]): readonly (readonly string[])[] {
  const { overall, categories, prompts } = scoresOf(judged);
  const rows = CATEGORIES.filter((category) => categories[category] !== null).map((category) => {
    const counts = countsOf(judged, category);
    return [category, `${counts.correct}`, `${counts.prompts}`, (counts.correct / counts.prompts).toFixed(3)];
  });
  return [...rows, ['overall', '', `${prompts}`, overall.toFixed(3)]];
}

function countsOf(judged: readonly Judged[], category: Category) {
  const own = judged.filter((picture) => picture.category === category);
  return { correct: own.filter(({ verdict }) => verdict.correct).length, prompts: own.length };
}

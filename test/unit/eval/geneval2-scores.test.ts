// GenEval 2's lists of scores, with and without its benchmark file.
import { describe, expect, it } from 'vitest';
import { estimateFigures } from '../../../lib/eval/scores/bootstrap.js';
import { type BenchmarkRow, geometricMean, readGeneval2 } from '../../../lib/eval/scores/geneval2.js';

const run = { name: 'run', path: 'score_lists.json' };
const row = (prompt: string, atoms: number, skills: readonly string[]): BenchmarkRow => ({
  prompt,
  atom_count: atoms,
  vqa_list: skills.map((skill, i) => [`${skill} ${i}?`, 'Yes']),
  skills: [...skills],
});
const benchmark = [row('one', 3, ['object', 'count']), row('two', 4, ['object', 'verb', 'count'])];
const values = async (scores: ReturnType<typeof readGeneval2>) => {
  const estimates = await estimateFigures(scores.figures, scores.prompts, { draws: 0, seed: 0 });
  return Object.fromEntries([...estimates].map(([key, { value }]) => [key, value]));
};

describe('scores', () => {
  it('are means over prompts of geometric and arithmetic means; skills pool questions', async () => {
    const scores = readGeneval2('[[0.25, 1], [0.5, 0.5, 0.5]]', run, benchmark);
    const found = await values(scores);
    expect(found).toEqual({
      gm: expect.closeTo(0.5, 12),
      am: (0.625 + 0.5) / 2,
      skill_object: 0.375,
      skill_count: 0.75,
      skill_verb: 0.5,
      atoms_3: expect.closeTo(0.5, 12),
      atoms_4: expect.closeTo(0.5, 12),
    });
    expect(scores.figures.map(({ title }) => title).slice(0, 2)).toEqual(['Soft-TIFA GM', 'Soft-TIFA AM']);
    expect(scores.pictures[0]?.reasons).toEqual(['object 0? Yes: 0.25']);
  });

  it('are 0 with one score of 0, as in the scorer', () => {
    expect(geometricMean([0, 1, 1])).toBe(0);
    expect(geometricMean([4, 1])).toBeCloseTo(2, 12);
  });

  it('need no benchmark file for the whole', async () => {
    const scores = readGeneval2('[[0.2, 0.8], [1, 1, 1]]', run, undefined);
    expect(Object.keys(await values(scores))).toEqual(['gm', 'am']);
    expect(scores.warnings).toEqual([
      'partial: 2 prompts where the benchmark has 800',
      expect.stringContaining('--questions geneval2_data.jsonl'),
    ]);
  });

  it('tell their method as far as they show it, and scores above 1', () => {
    const titles = (text: string) => readGeneval2(text, run, undefined).figures.map(({ title }) => title);
    expect(titles('[[0, 1], [1, 1]]')).toEqual(['TIFA GM', 'TIFA AM']);
    expect(titles('[[0.4], [0.9]]')).toEqual(['VQAScore']);
    expect(readGeneval2('[[1.25, 0.1]]', run, undefined).warnings.join()).toContain('1 score above 1');
    expect(readGeneval2('[[0.4], [0.9]]', run, benchmark).warnings).toEqual([
      'partial: 2 prompts where the benchmark has 800',
    ]);
  });
});

it.each([
  ['[[0.5, 0.5]', 'no JSON, or cut off'],
  ['{}', 'no list of lists'],
  ['[]', 'no list of lists'],
  ['[[0.5], []]', 'entry 1 is no list of scores'],
  ['[[0.5, -1]]', 'entry 0 has the score -1'],
  ['[[0.5, null]]', 'entry 0 has the score null'],
])('refuses %s', (text, message) => {
  expect(() => readGeneval2(text, run, undefined)).toThrow(`score_lists.json: ${message}`);
});

it('refuses scores of another benchmark file', () => {
  expect(() => readGeneval2('[[1, 1]]', run, benchmark)).toThrow(
    'scores of 1 prompts, the benchmark file has 2',
  );
  expect(() => readGeneval2('[[1, 1], [1, 1]]', run, benchmark)).toThrow(
    'entry 1 has 2 scores for 3 questions',
  );
});

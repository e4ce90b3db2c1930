// GenEval's results.jsonl: counted as its summary_scores.py counts, and refused where it is not what it says.
import { describe, expect, it } from 'vitest';
import { estimateFigures } from '../../../lib/eval/scores/bootstrap.js';
import { readGeneval } from '../../../lib/eval/scores/geneval.js';

/** A line as pandas writes it. */
function line(tag: string, prompt: string, correct: boolean, more: object = {}): string {
  const metadata = { tag, include: [{ class: prompt, count: 1 }], prompt: `a photo of ${prompt}` };
  return JSON.stringify({
    filename: `out/00000/samples/${prompt}.png`,
    tag,
    prompt: metadata.prompt,
    correct,
    reason: correct ? '' : `expected ${prompt}>=1, found 0`,
    metadata: JSON.stringify(metadata),
    details: '{}',
    ...more,
  });
}

const run = { name: 'run', path: 'results.jsonl' };
const values = async (text: string) => {
  const { figures, prompts } = readGeneval(text, run);
  const estimates = await estimateFigures(figures, prompts, { draws: 0, seed: 0 });
  return Object.fromEntries([...estimates].map(([key, { value }]) => [key, value]));
};

describe('scores', () => {
  it('are means of pictures in each task, and the mean of the tasks', async () => {
    const text = [
      // 3 of 4, and 1 of 2: 4 of 6 together, but the tasks' mean is 0.625.
      ...[true, true, true, false].map((correct) => line('single_object', 'fox', correct)),
      ...[true, false].map((correct) => line('counting', 'owl', correct)),
    ].join('\n');
    expect(await values(text)).toEqual({
      single_object: 0.75,
      counting: 0.5,
      overall: 0.625,
      correct_images: 4 / 6,
      correct_prompts: 1,
    });
  });

  it('take a prompt for right once one of its pictures is', async () => {
    const text = [
      line('colors', 'a', true),
      line('colors', 'a', false),
      line('colors', 'b', false),
      line('colors', 'b', false),
    ].join('\n');
    expect(await values(text)).toMatchObject({ colors: 0.25, correct_prompts: 0.5 });
  });

  it('stand in the order of the paper, foreign tasks behind', () => {
    const text = ['zebra', 'color_attr', 'position', 'constructor', 'single_object']
      .map((tag) => line(tag, tag, true))
      .join('\n');
    const { figures, warnings } = readGeneval(text, run);
    expect(figures.filter(({ group }) => group === 'main').map(({ key }) => key)).toEqual([
      'single_object',
      'position',
      'color_attr',
      'constructor',
      'zebra',
      'overall',
    ]);
    expect(warnings.join('\n')).toContain(
      'tasks that the benchmark has not, and that count for the mean: constructor, zebra',
    );
  });

  it('know a prompt again in other words, and by its text where there is no metadata', () => {
    const keys = (text: string) => readGeneval(text, run).prompts.map(({ key }) => key);
    const metadata = (prompt: string) =>
      JSON.stringify({ tag: 'colors', include: [{ class: 'cup', count: 1, color: 'red' }], prompt });
    const rewritten = (prompt: string) => line('colors', 'cup', true, { metadata: metadata(prompt) });
    expect(keys(rewritten('a red cup'))).toEqual(keys(rewritten('a cup that gleams in crimson')));
    expect(keys([rewritten('a'), rewritten('b')].join('\n')).length).toBe(2);
    expect(keys(line('colors', 'x', true, { metadata: null, prompt: 'a red cup' }))).toEqual([
      '["colors","a red cup"]',
    ]);
  });
});

describe('what is told', () => {
  it('of partial results: prompts of each task, pictures of each prompt', () => {
    const text = [
      line('counting', 'a', true),
      line('counting', 'a', true),
      line('counting', 'b', true, { filename: 'b' }),
    ].join('\n');
    expect(readGeneval(text, run).warnings).toEqual([
      'partial: 2 prompts where the benchmark has 553 (0 of 80 of single_object, 0 of 99 of two_object, 2 of 80 of counting, 0 of 94 of colors, 0 of 100 of position, 0 of 100 of color_attr)',
      '1 prompt with fewer than 2 pictures',
      '2 pictures a prompt; published figures are of 4',
      '1 line of pictures that are there before: they count twice, as in the scorer',
    ]);
  });

  it('nothing of all 553 prompts with four pictures', () => {
    const tasks = {
      single_object: 80,
      two_object: 99,
      counting: 80,
      colors: 94,
      position: 100,
      color_attr: 100,
    };
    const lines = Object.entries(tasks).flatMap(([tag, count]) =>
      Array.from({ length: count * 4 }, (_, i) =>
        line(tag, `${tag} ${i >> 2}`, true, { filename: `${tag}/${i}` }),
      ),
    );
    expect(readGeneval(lines.join('\n'), run).warnings).toEqual([]);
  });

  it('of broken lines: their numbers', () => {
    const text = [
      line('counting', 'a', true),
      '{"filename":"x","ta',
      '',
      line('counting', 'a', true, { correct: 'yes' }),
    ].join('\n');
    expect(() => readGeneval(text, run)).toThrow(
      expect.objectContaining({
        code: 'ERR_SVGT2I_FILE_FORMAT',
        message: expect.stringMatching(/^results\.jsonl:2: no JSON; results\.jsonl:4: correct: /),
      }),
    );
    const many = Array.from({ length: 9 }, () => 'x').join('\n');
    expect(() => readGeneval(many, run)).toThrow(/results\.jsonl:5: no JSON; and 4 more$/);
    expect(() => readGeneval('\n', run)).toThrow('results.jsonl has no results');
  });

  it('of a wrong picture: each of its reasons', () => {
    const { pictures } = readGeneval(
      line('counting', 'a', false, { reason: 'expected a>=2, found 1\nexpected b<1, found 3' }),
      run,
    );
    expect(pictures[0]).toEqual({
      path: 'out/00000/samples/a.png',
      prompt: 'a photo of a',
      score: 0,
      correct: false,
      task: 'counting',
      reasons: ['expected a>=2, found 1', 'expected b<1, found 3'],
    });
  });
});

// Prompts, scores, reports and contact sheets of `svg-t2i eval shapes`.
import { describe, expect, it } from 'vitest';
import { frameImage } from '../../lib/image/frame.js';
import { rgbImage } from '../../lib/image/rgb-image.js';
import { drawScene } from '../../lib/shapes/draw.js';
import { evalPrompts } from '../../lib/shapes/eval-prompts.js';
import { Evaluation } from '../../lib/shapes/evaluation.js';
import type { Example } from '../../lib/shapes/example.js';
import { scoresOf } from '../../lib/shapes/score.js';
import { splitOf } from '../../lib/shapes/split.js';
import { CATEGORIES } from '../../lib/shapes/vocabulary.js';

describe('prompts', () => {
  it('are held out, differ by seed and start alike', () => {
    const examples = evalPrompts(1, 20, CATEGORIES);
    expect(examples.map(({ scene }) => splitOf(scene.asked, scene.drawn))).toEqual(
      Array(120).fill('held-out'),
    );
    expect(evalPrompts(1, 5, ['counting'])).toEqual(examples.slice(40, 45));
    const prompts = new Set(examples.map(({ prompt }) => prompt));
    expect(
      evalPrompts(2, 20, CATEGORIES).filter(({ prompt }) => !prompts.has(prompt)).length,
    ).toBeGreaterThan(60);
  });

  it('are new as long as there are any', () => {
    for (const category of CATEGORIES) {
      const prompts = evalPrompts(3, 50, [category]).map(({ prompt }) => prompt);
      expect(new Set(prompts).size).toBeGreaterThan(45);
    }
  });
});

const add = (evaluation: Evaluation, { prompt, scene }: Example, picture: Example, index = 0) =>
  evaluation.add({ prompt, asked: scene.asked, origin: { index } }, drawScene(picture.scene, 64));

describe('an evaluation', () => {
  const examples = evalPrompts(4, 4, CATEGORIES);

  it('scores true scenes 1', () => {
    const evaluation = new Evaluation();
    for (const example of examples) expect(add(evaluation, example, example).reasons).toEqual([]);
    expect(evaluation.scores).toEqual({
      overall: 1,
      categories: Object.fromEntries(CATEGORIES.map((category) => [category, 1])),
      prompts: 24,
    });
    expect(evaluation.failureLines()).toBe('');
  });

  it('tells what is wrong, and frames it red', () => {
    const evaluation = new Evaluation();
    const [right, wrong] = [examples[8], examples[20]] as [Example, Example];
    add(evaluation, right, right, 0);
    add(evaluation, wrong, right, 1);
    expect(evaluation.scores).toMatchObject({
      overall: 0.5,
      categories: { counting: 1, color_attribution: 0, position: null },
      prompts: 2,
    });
    expect(evaluation.rows).toEqual([
      ['counting', '1', '1', '1.000'],
      ['color_attribution', '0', '1', '0.000'],
      ['overall', '', '2', '0.500'],
    ]);
    const lines = evaluation.failureLines().trimEnd().split('\n');
    expect(lines.length).toBe(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      index: 1,
      category: 'color_attribution',
      prompt: wrong.prompt,
      reasons: expect.arrayContaining([expect.stringMatching(/: found 0/)]),
    });
    const sheet = evaluation.sheet();
    expect([sheet.width, sheet.height]).toEqual([70, 143]);
    expect([...sheet.data.subarray(0, 3)]).toEqual([0, 170, 60]);
    expect([...sheet.data.subarray(73 * 70 * 3, 73 * 70 * 3 + 3)]).toEqual([230, 0, 0]);
  });

  it('has a sheet of bounded size, a row for every category', () => {
    const evaluation = new Evaluation();
    const [first, last] = [examples[0], examples[23]] as [Example, Example];
    for (let i = 0; i < 70; i++) add(evaluation, first, first);
    add(evaluation, last, last);
    const { width, height } = evaluation.sheet();
    expect([width, height]).toEqual([25 * 73 - 3, 3 * 73 - 3]);
  });
});

it('means over the categories, not over the pictures', () => {
  const verdict = (correct: boolean) => ({ correct, reasons: [] });
  const judged = (category: (typeof CATEGORIES)[number], correct: boolean) => ({
    category,
    prompt: '',
    verdict: verdict(correct),
  });
  const scores = scoresOf([judged('colors', true), judged('counting', false), judged('counting', false)]);
  expect(scores).toMatchObject({ overall: 0.5, prompts: 3 });
  expect(scoresOf([])).toMatchObject({ overall: 0, prompts: 0 });
});

it('frames a picture', () => {
  const framed = frameImage(rgbImage(1, 2, Uint8Array.from([1, 2, 3, 4, 5, 6])), [7, 8, 9], 1);
  expect([framed.width, framed.height]).toEqual([3, 4]);
  expect([...framed.data.subarray(9, 18)]).toEqual([7, 8, 9, 1, 2, 3, 7, 8, 9]);
});

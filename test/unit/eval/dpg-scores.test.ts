// DPG-Bench's results.txt, its questions and its answers: counted as compute_dpg_bench.py counts.
import { describe, expect, it } from 'vitest';
import { dpgId } from '../../../lib/eval/layouts/dpg-id.js';
import { estimateFigures } from '../../../lib/eval/scores/bootstrap.js';
import { readDpg } from '../../../lib/eval/scores/dpg.js';
import { readAnswers, readQuestions, scoreOf } from '../../../lib/eval/scores/dpg-questions.js';

const run = { name: 'run', path: 'dpg_results.txt' };
const HEADER =
  'item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_natural_language';

/** The first row is one that the scorer never sees. */
const QUESTIONS = [
  HEADER,
  'zero,t,k,1,0,entity,whole,entity - whole (skipped),Is it skipped?',
  'boat,"A boat, at sea",k,1,0,entity,whole,entity - whole (boat),Is there a boat?',
  'boat,"A boat, at sea",k,2,1,attribute,color,attribute - color (boat; red),"Is the boat red, or ""ruddy""?"',
  'boat,"A boat, at sea",k,3,"1, 2",relation,spatial,relation - spatial (boat; sea),Is the red boat at sea?',
  'lamp,x,k,1,0,global,,global - (photo),Is it a photo?',
].join('\n');

const questions = readQuestions(QUESTIONS, 'dpg_bench.csv');
const CROPS = ['(0, 0, 64, 64)', '(64, 0, 128, 64)'];
const detail = (image: string, answers: readonly (readonly boolean[])[]) =>
  answers.flatMap((own, crop) =>
    own.map((isYes, i) => {
      const { text } = questions.get(dpgId(image))?.[i] ?? { text: '' };
      return `${image}, ${CROPS[crop]}, ${text}, ${isYes ? 'yes' : 'no'}`;
    }),
  );
const values = async (scores: ReturnType<typeof readDpg>) => {
  const estimates = await estimateFigures(scores.figures, scores.prompts, { draws: 0, seed: 0 });
  return Object.fromEntries([...estimates].map(([key, { value }]) => [key, value]));
};

describe('questions', () => {
  it('are read as the scorer does: without the first row, quotes and commas in them', () => {
    expect([...questions.keys()]).toEqual(['boat', 'lamp']);
    const prompt = 'A boat, at sea';
    expect(questions.get('boat')).toEqual([
      { id: 1, text: 'Is there a boat?', prompt, category: 'entity - whole', parents: [0] },
      { id: 2, text: 'Is the boat red, or "ruddy"?', prompt, category: 'attribute - color', parents: [1] },
      { id: 3, text: 'Is the red boat at sea?', prompt, category: 'relation - spatial', parents: [1, 2] },
    ]);
  });

  it('of an item whose rows lie apart are its last ones', () => {
    const [first = '', ...rest] = QUESTIONS.split('\n').slice(1);
    const again = 'boat,t,k,9,0,entity,whole,entity - whole (x),Again?';
    const list = readQuestions([HEADER, first, ...rest, again].join('\n'), 'q.csv');
    expect(list.get('boat')?.map(({ text }) => text)).toEqual(['Again?']);
  });

  it.each([
    ['a,b\n1,2', /q\.csv: no column item_id, text, proposition_id/],
    [`${HEADER}\nskipped,,,1,0,,,,\nboat,,,x,0,,,t,q`, /q\.csv:3: no question: boat/],
    [`${HEADER}\nonly,,,1,0,,,t,q`, /q\.csv: no questions/],
  ])('are refused where they are none', (text, message) => {
    expect(() => readQuestions(text, 'q.csv')).toThrow(message);
  });
});

describe('answers', () => {
  it('zero a question whose parent was answered no, and go on with it', () => {
    const [crop = []] =
      readAnswers(detail('a/boat.png', [[true, false, true]]).join('\n'), 'd', questions).get('boat') ?? [];
    expect(crop.map(({ isYes }) => isYes)).toEqual([true, false, true]);
    expect(scoreOf(crop)).toBe(1 / 3);
    const none =
      readAnswers(detail('a/boat.png', [[false, true, true]]).join('\n'), 'd', questions).get('boat')?.[0] ??
      [];
    expect(scoreOf(none)).toBe(0);
  });

  it('of several processes may be mixed; those of a second run take the place of the first', () => {
    const boat = detail('boat.png', [
      [true, true, true],
      [false, false, false],
    ]);
    const lamp = detail('lamp.png', [[true], [false]]);
    const mixed = [
      boat[0],
      lamp[0],
      boat[1],
      boat[2],
      lamp[1],
      ...boat.slice(3),
      ...detail('lamp.png', [[false]]),
    ];
    const answers = readAnswers(mixed.join('\n'), 'd', questions);
    expect(answers.get('boat')?.map((crop) => crop.filter(({ isYes }) => isYes).length)).toEqual([3, 0]);
    expect(answers.get('lamp')?.map((crop) => crop.map(({ isYes }) => isYes))).toEqual([[false], [false]]);
  });

  it('to other questions are named by their lines', () => {
    expect(() =>
      readAnswers('boat.png, (0, 0, 1, 1), Is there a cow?, yes\nrubbish\n', 'd.txt', questions),
    ).toThrow(
      /^d\.txt:1: another question than the list's: Is there a cow\?, yes; d\.txt:2: no answer of the scorer$/,
    );
    expect(() => readAnswers('cow.png, (0, 0, 1, 1), A?, yes', 'd.txt', questions)).toThrow(
      /d\.txt:1: no questions of "cow"/,
    );
  });
});

describe('results', () => {
  const summary = [
    'Model: images',
    'L1 category scores:',
    '\tentity: 100.0',
    '\tglobal: 50.0',
    'L2 category scores:',
    '\tentity - whole: 100.0',
    '\tglobal -: 50.0',
    'Image path: images',
    'Save results to: images/dpg_results.txt',
    'DPG-Bench score: 75.0',
  ];

  it('are the mean of the lines; categories as the summary says them', async () => {
    const text = ['a, b/boat.v2.png, 1.0, 1.0, 1.0', 'a, b/lamp.png, 1.0, 0.0, 0.5', ...summary].join('\n');
    const scores = readDpg(text, run, undefined);
    expect(await values(scores)).toEqual({
      l1_global: null,
      l1_entity: null,
      overall: 0.75,
      'l2_entity - whole': null,
      'l2_global -': null,
    });
    expect(Object.fromEntries(scores.told)).toEqual({
      l1_entity: 1,
      l1_global: 0.5,
      'l2_entity - whole': 1,
      'l2_global -': 0.5,
    });
    expect(scores.prompts.map(({ key, pictures }) => [key, pictures])).toEqual([
      ['boat', 2],
      ['lamp', 2],
    ]);
    expect(scores.warnings).toEqual([
      'partial: 2 prompts where the benchmark has 1065',
      '2 pictures a prompt were scored (--pic-num), published figures are of 4',
      'categories have no intervals: --questions dpg_bench.csv, with the _detail.txt beside the result, gives them',
    ]);
  });

  it('with answers count categories of the last picture, before parents are looked at', async () => {
    const answers = readAnswers(
      [
        ...detail('boat.png', [
          [true, true, true],
          [false, true, true],
        ]),
        ...detail('lamp.png', [[true], [false]]),
      ].join('\n'),
      'd',
      questions,
    );
    const text = ['boat.png, 1.0, 0.0, 0.5', 'lamp.png, 1.0, 0.0, 0.5', 'DPG-Bench score: 50.0'].join('\n');
    const scores = readDpg(text, run, answers);
    expect(await values(scores)).toEqual({
      l1_global: 0,
      l1_entity: 0,
      l1_attribute: 1,
      l1_relation: 1,
      overall: 0.5,
      'l2_attribute - color': 1,
      'l2_entity - whole': 0,
      'l2_global -': 0,
      'l2_relation - spatial': 1,
    });
    expect(
      scores.warnings.filter((text) => !text.includes('benchmark') && !text.includes('pic-num')),
    ).toEqual([]);
    expect(scores.pictures[0]?.reasons).toEqual(['picture 2: Is there a boat? no']);
  });

  it('tell answers of another list, a summary of other lines, and a scorer that has not ended', () => {
    const answers = readAnswers(detail('boat.png', [[true, true, true]]).join('\n'), 'd', questions);
    const warnings = (text: string) => readDpg(text, run, answers).warnings.join('\n');
    expect(warnings('boat.png, 0.0, 0.0\nlamp.png, 1.0, 1.0')).toMatch(
      /summary is missing.*\n1 prompt without answers.*\n1 prompt whose answers give another score/,
    );
    expect(warnings('boat.png, 1.0, 1.0\nDPG-Bench score: 85.78')).toContain(
      'summary says 85.78, the lines of its pictures give 100.00',
    );
    expect(warnings('boat.png, 1.0, 1.0\nboat.png, 0.0, 0.0')).toContain(
      '1 line of prompts that are there before',
    );
  });

  it('name broken lines', () => {
    expect(() => readDpg('boat.png, 1.0, 0.5, 0.9\nboat.png, 0.5\n\tx: y', run, undefined)).toThrow(
      /^dpg_results\.txt:1: 0\.9 is not the mean of the scores before it; dpg_results\.txt:2: no picture with its scores; dpg_results\.txt:3: /,
    );
    expect(() => readDpg('Model: x\n', run, undefined)).toThrow('dpg_results.txt has no results');
  });

  it('of ports that write a table of scores alone', () => {
    const table = 'category,level,score\nOverall,mean,0.81\nentity,L1,0.9\nentity - whole,L2,0.92\n';
    const scores = readDpg(table, run, undefined);
    expect(Object.fromEntries(scores.told)).toEqual({
      l1_entity: 0.9,
      'l2_entity - whole': 0.92,
      overall: 0.81,
    });
    expect(scores.warnings).toEqual([expect.stringContaining('a summary alone')]);
    expect(() => readDpg('category,level,score\na,L3,0.5\nb,L1,\n', run, undefined)).toThrow(
      /dpg_results\.txt:2: a level "L3"; dpg_results\.txt:3: no score from 0 to 1: ""/,
    );
  });
});

it('takes the id of a picture up to its first dot, under either slash', () => {
  expect(['a/b.c/v1.5-0003.png', 'C:\\images\\boat.png', 'x'].map(dpgId)).toEqual(['v1', 'boat', 'x']);
});

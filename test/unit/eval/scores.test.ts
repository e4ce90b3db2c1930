// `evaluate({ kind: 'scores' })`: files of one scorer side by side, and what is written of them.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { fileKindOf } from '../../../lib/eval/scores/file-kind.js';
import { evaluateScores } from '../../../lib/eval/scores.js';
import { decodeImage } from '../../../lib/image/decode.js';
import { encodeImage } from '../../../lib/image/encode.js';
import { rgbImage } from '../../../lib/image/rgb-image.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-scores-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** A quarter of the pictures of `tag` is wrong. */
function geneval(tag: string, count: number, from = 0): string {
  return Array.from({ length: count * 4 }, (_, i) => {
    const prompt = `${tag} ${from + (i >> 2)}`;
    const metadata = JSON.stringify({ tag, include: [{ class: prompt, count: 1 }], prompt });
    const filename = `images/${prompt}/samples/0000${i % 4}.png`;
    return JSON.stringify({ filename, tag, prompt, correct: i % 4 !== 0, reason: 'expected more', metadata });
  }).join('\n');
}

const a = write('a/results.jsonl', geneval('colors', 30));
const b = write('b/results.jsonl', geneval('colors', 30, 10));
const dpg = write('dpg/x_results.txt', 'boat.png, 1.0, 1.0\nDPG-Bench score: 100.0\n');

describe('runs', () => {
  it('of one name are told apart by their folders, and compared over the prompts of both', async () => {
    const { as, scale, runs, differences, interval } = await evaluateScores({
      results: [{ path: a }, { path: b }],
      bootstrap: 10,
    });
    expect([as, scale, runs.map(({ name }) => name)]).toEqual(['geneval', 1, ['a/results', 'b/results']]);
    expect(runs[0]).toMatchObject({ prompts: 30, pictures: 120 });
    expect(runs[0]?.scores.find(({ key }) => key === 'overall')).toEqual({
      key: 'overall',
      title: 'overall',
      group: 'main',
      value: 0.75,
      low: 0.75,
      high: 0.75,
      prompts: 30,
    });
    expect(differences).toMatchObject([{ name: 'b/results', minus: 'a/results', prompts: 20 }]);
    expect(interval).toEqual({
      level: 0.95,
      method: 'percentile bootstrap over prompts',
      draws: 10,
      seed: 0,
    });
  });

  it('bear the names that they are given, once each', async () => {
    const results = [{ path: pathToFileURL(a), name: 'one' }, { path: b }];
    const { runs } = await evaluateScores({ results, bootstrap: 0 });
    expect(runs.map(({ name }) => name)).toEqual(['one', 'results']);
    await expect(evaluateScores({ results: [{ path: a }, { path: a }] })).rejects.toThrow(
      /two results have the name/,
    );
  });

  it('of unlike scorers are refused by name', async () => {
    await expect(evaluateScores({ results: [{ path: a }, { path: dpg }] })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: `${dpg} is a result of DPG-Bench, ${a} is GenEval`,
    });
    await expect(evaluateScores({ results: [{ path: a }], as: 'dpg' })).rejects.toThrow(
      `${a} is a result of GenEval, what was asked for is DPG-Bench`,
    );
  });
});

describe('files', () => {
  it.each([
    ['{"tag":"colors","include":[],"prompt":"x"}', "GenEval's prompt list"],
    ['{"prompt":"x","vqa_list":[]}', "GenEval 2's benchmark file"],
    ['{"a prompt":"images/0.png","b":"images/1.png"}', 'a list of prompts and pictures'],
    ['item_id,text,keywords\n', "DPG-Bench's list of questions"],
    ['x.png, (0, 0, 64, 64), Is it?, yes', "DPG-Bench's answers one by one"],
  ])('that a scorer reads are not taken for what it writes: %s', async (text, what) => {
    const path = write('other', text);
    const told = expect.objectContaining({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringContaining(what),
      hint: expect.any(String),
    });
    await expect(evaluateScores({ results: [{ path }] })).rejects.toEqual(told);
    await expect(evaluateScores({ results: [{ path }], as: 'geneval' })).rejects.toEqual(told);
  });

  it.each([
    ['', /is empty$/],
    ['nothing of the kind', /is no scorer's result that is known$/],
    ['{"filename": 3}\n', /is no scorer's result that is known$/],
  ])('that nobody knows are named: %j', async (text, message) => {
    const path = write('odd', text);
    await expect(evaluateScores({ results: [{ path }] })).rejects.toThrow(message);
  });

  it('are known by what is in them', () => {
    const kinds = (text: string) => fileKindOf(text)?.kind;
    expect(kinds(' [[0.5]]')).toBe('geneval2');
    expect(kinds(geneval('colors', 1))).toBe('geneval');
    expect(kinds(`{"filename":"cut\n${geneval('colors', 1)}`)).toBe('geneval');
    expect(kinds('a, b.png, 1.0, 0.5, 0.75')).toBe('dpg');
    expect(kinds('category,level,score\n')).toBe('dpg');
    expect(kinds('Model: x\nL1 category scores:\nDPG-Bench score: 1.0')).toBe('dpg');
  });

  it('that are not there are named', async () => {
    await expect(evaluateScores({ results: [{ path: join(folder, 'none') }] })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });
});

it('refuses what makes no sense before it reads', async () => {
  const refused = (request: object) => expect(evaluateScores(request as never)).rejects;
  await refused({ results: [] }).toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  await refused({ results: [{ path: a }], bootstraps: 3 }).toThrow(
    'unknown key "bootstraps", did you mean "bootstrap"?',
  );
  await refused({ results: [{ path: a }], bootstrap: -1 }).toThrow('bootstrap: must be at least 0, got -1');
});

it('ends with the signal', async () => {
  const reason = new Error('enough');
  await expect(
    evaluateScores({ results: [{ path: a }] }, { signal: AbortSignal.abort(reason) }),
  ).rejects.toBe(reason);
});

describe('what is written', () => {
  const out = join(folder, 'out');
  const read = (name: string) => readFileSync(join(out, name), 'utf8');
  const warnings: string[] = [];
  const written = evaluateScores(
    { results: [{ path: a, name: 'a | <b> & [c](x)' }, { path: b }], published: true, bootstrap: 20, out },
    { onEvent: (event) => event.type === 'warning' && warnings.push(event.message) },
  );

  it('is a page, Markdown, a picture and JSON', async () => {
    const { files, ...result } = await written;
    expect(Object.keys(files ?? {}).sort()).toEqual(['html', 'json', 'markdown', 'png']);
    expect(JSON.parse(read('results.json'))).toEqual(JSON.parse(JSON.stringify(result)));
    expect(read('report.html')).toContain('a | &lt;b&gt; &amp; [c](x)');
    const { width, height } = await decodeImage(readFileSync(join(out, 'scores.png')));
    expect([width, height > 500]).toEqual([2040, true]);
  });

  it('has in Markdown no markup of names, and numbers as they are', async () => {
    await written;
    expect(read('report.md')).toContain(
      '| figure | a \\| &lt;b\\> &amp; \\[c\\](x) | results | published SVG-T2I |',
    );
    expect(read('report.md')).toContain('| overall | 0.750 [0.750, 0.750] | 0.750 [0.750, 0.750] | 0.750 |');
    expect(read('report.md')).toContain('| overall | +0.000 [+0.000, +0.000] |');
  });

  it('tells on the page and by events what is partial', async () => {
    const { warnings: told } = await written;
    expect(told).toEqual(warnings);
    expect(told[0]).toMatch(/^a \| <b> & \[c\]\(x\): partial: 30 prompts where the benchmark has 553/);
    expect(read('report.html')).toContain('partial: 30 prompts where the benchmark has 553');
  });
});

it('sets the answers of DPG-Bench beside its scores where they lie so', async () => {
  const questions = write(
    'dpg_bench.csv',
    [
      'item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_natural_language',
      'first,,,1,0,,,t,q',
      'boat,A boat,,1,0,,,entity - whole (boat),A boat?',
    ].join('\n'),
  );
  write('dpg/x_results_detail.txt', 'boat.png, (0, 0, 1, 1), A boat?, yes\n');
  const { runs } = await evaluateScores({ results: [{ path: dpg }], questions, bootstrap: 5 });
  expect(runs[0]?.scores.map(({ key, value, low }) => [key, value, low])).toEqual([
    ['l1_entity', 100, 100],
    ['overall', 100, 100],
    ['l2_entity - whole', 100, 100],
  ]);
});

it('shows the pictures that the scorer saw, where they are beside its result', async () => {
  const path = write('seen/results.jsonl', geneval('colors', 30));
  const grey = rgbImage(32, 32, new Uint8Array(32 * 32 * 3).fill(128));
  const png = await encodeImage(grey, { format: 'png' });
  // Of the second prompt alone: a folder that lacks some is no folder that is gone.
  for (let i = 0; i < 4; i++) {
    const picture = write(`seen/images/colors 1/samples/0000${i}.png`, '');
    writeFileSync(picture, png);
  }
  const out = join(folder, 'seen', 'out');
  await evaluateScores({ results: [{ path }], bootstrap: 0, out });
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  expect(page.match(/<img /g)?.length).toBe(4);
  expect(page).toContain('href="../images/colors%201/samples/00000.png"');
  expect(page).toContain('results: judged wrong, of every task');
});

it('does not write over what it reads, by whatever name', async () => {
  const path = write('own/results.json', '[[0.5, 0.5]]');
  const out = join(folder, 'own');
  const told = {
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message: `${path} is the file that is read, and would be replaced`,
  };
  await expect(evaluateScores({ results: [{ path }], out })).rejects.toMatchObject(told);
  const other = join(folder, 'other-name.json');
  symlinkSync(path, other);
  await expect(evaluateScores({ results: [{ path: other }], out })).rejects.toMatchObject(told);
  expect(readFileSync(path, 'utf8')).toBe('[[0.5, 0.5]]');
  expect(readdirSync(out)).toEqual(['results.json']);
});

it('compares no runs that have no prompts in common', async () => {
  const summary = 'category,level,score\nOverall,mean,0.81\n';
  const results = [{ path: write('s1.csv', summary) }, { path: write('s2.csv', summary) }];
  const { differences } = await evaluateScores({ results, out: join(folder, 'summaries') });
  expect(differences[0]?.prompts).toBe(0);
  expect(readFileSync(join(folder, 'summaries', 'report.md'), 'utf8')).not.toContain('Difference');
});

it("takes GenEval 2's benchmark file for what each score is of, and names its bad lines", async () => {
  const path = write('g2/score_lists.json', '[[0.25, 1]]');
  const row = {
    prompt: 'a fox',
    atom_count: 3,
    vqa_list: [
      ['A?', 'Yes'],
      ['B?', 'two'],
    ],
    skills: ['object', 'count'],
  };
  const questions = write('g2/data.jsonl', JSON.stringify(row));
  const { runs } = await evaluateScores({ results: [{ path }], questions, bootstrap: 0 });
  expect(runs[0]?.scores.map(({ key, value }) => [key, value])).toEqual([
    ['gm', 50],
    ['am', 62.5],
    ['skill_object', 25],
    ['skill_count', 100],
    ['atoms_3', 50],
  ]);
  const bad = write('g2/bad.jsonl', `${JSON.stringify(row)}\n{"prompt":"x"}\n`);
  await expect(evaluateScores({ results: [{ path }], questions: bad })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_FILE_FORMAT',
    message: expect.stringContaining(`${bad}:2: `),
  });
});

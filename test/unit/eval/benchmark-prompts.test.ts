/** The lists of prompts of GenEval, GenEval 2 and DPG-Bench: what is read, and which lines are refused. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { benchmarkOf } from '../../../lib/eval/layouts/benchmarks.js';
import { parseCsv } from '../../../lib/eval/layouts/csv.js';
import { planDpg } from '../../../lib/eval/layouts/dpg.js';
import { readDpgPrompts } from '../../../lib/eval/layouts/dpg-prompts.js';
import { planGeneval, readGenevalPrompts } from '../../../lib/eval/layouts/geneval.js';
import { readGeneval2Prompts } from '../../../lib/eval/layouts/geneval2.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-prompts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const lines = (...rows: readonly unknown[]) =>
  rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');

const fox = { tag: 'single_object', include: [{ class: 'fox', count: 1 }], prompt: 'a fox' };

describe('GenEval', () => {
  it('draws the rewritten prompt where it is asked for, and keeps the line as it stands', async () => {
    // Python's own way to write it: blanks, escapes, 1.0.
    const line =
      '{"tag": "colors", "include": [{"class": "fox", "count": 1, "weight": 1.0}], "prompt": "a caf\\u00e9", "refined_prompt": "a long one"}';
    const path = put('long.jsonl', `\ufeff${line}\r\n\n`);
    const [first] = await readGenevalPrompts(path, 'refined_prompt');
    expect(first).toMatchObject({
      prompt: 'a café',
      drawn: 'a long one',
      category: 'colors',
      where: `${path}:1`,
    });
    const [plain] = await readGenevalPrompts(path);
    expect(plain?.drawn).toBe('a café');
    const { texts } = planGeneval(
      [first, first].filter((each) => each !== undefined),
      4,
    );
    expect(texts.map(({ path, text }) => [path, text])).toEqual([
      ['00000/metadata.jsonl', `${line}\n`],
      ['00001/metadata.jsonl', `${line}\n`],
    ]);
  });

  it('names every bad line, up to five', async () => {
    const path = put(
      'bad.jsonl',
      lines(
        fox,
        '{"tag": ',
        { ...fox, include: [] },
        { ...fox, tag: undefined },
        [1],
        { ...fox, prompt: 7 },
        'x',
        fox,
      ),
    );
    await expect(readGenevalPrompts(path)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringMatching(
        /bad\.jsonl:2: no JSON.*bad\.jsonl:3: include: needs at least 1.*bad\.jsonl:4: tag: must be a text.*bad\.jsonl:5: must be.*bad\.jsonl:6: prompt: must be a text, got 7; and 1 more$/,
      ),
    });
  });

  it('refuses a key that lines do not have, an empty file, and one that is not there', async () => {
    const path = put('p.jsonl', lines({ ...fox, refined_prompt: 'x' }, fox));
    await expect(readGenevalPrompts(path, 'refined_prompt')).rejects.toThrow(
      `${path}:2: the key refined_prompt, whose text is to be drawn, is not there`,
    );
    await expect(readGenevalPrompts(put('empty.jsonl', '\n \n'))).rejects.toThrow('holds no prompts');
    await expect(readGenevalPrompts(join(folder, 'none'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    await expect(readGenevalPrompts(folder)).rejects.toThrow('is a folder, not a regular file');
  });
});

describe('GenEval 2', () => {
  const row = { prompt: 'a fox', atom_count: 3, vqa_list: [['Is it a fox?', 'Yes']], skills: ['object'] };

  it('refuses a prompt that is there twice: the scorer finds pictures by it', async () => {
    const path = put('p.jsonl', lines(row, { ...row, prompt: 'a fox ' }, row));
    await expect(readGeneval2Prompts(path)).rejects.toThrow(`${path}:3: the prompt of line 1 again`);
  });

  it('takes one picture a prompt', async () => {
    const prompts = await readGeneval2Prompts(put('p.jsonl', lines(row)));
    expect(() => benchmarkOf('geneval2').plan(prompts, 4)).toThrow(
      'GenEval 2 takes one picture a prompt, not 4',
    );
    expect(benchmarkOf('geneval2').warnings(prompts)).toEqual([]);
  });

  it('leads from a prompt to its picture whatever the prompt is called', async () => {
    const names = ['__proto__', 'constructor', '7', 'a "quoted"\tone'];
    const path = put('p.jsonl', lines(...names.map((prompt) => ({ ...row, prompt }))));
    const { lastTexts } = benchmarkOf('geneval2').plan(await readGeneval2Prompts(path), 1);
    const list = new Map(Object.entries(JSON.parse(lastTexts[0]?.text ?? '') as Record<string, string>));
    expect(names.map((name) => list.get(name))).toEqual(names.map((_, i) => `images/0000${i}.png`));
  });
});

describe('DPG-Bench', () => {
  it('reads a folder, the list of SVG-T2I, and tables alike', async () => {
    const texts = join(folder, 'prompts');
    mkdirSync(texts);
    writeFileSync(join(texts, '12.txt'), 'a "red", blue\nfox\n');
    writeFileSync(join(texts, 'vrd7.txt'), 'two foxes');
    writeFileSync(join(texts, 'README.md'), 'not a prompt');
    const list = put(
      'dpg.jsonl',
      lines({ filename: '12.txt', prompt: 'a "red", blue\nfox' }, { id: 'vrd7', prompt: 'two foxes' }),
    );
    const table = put('p.csv', 'id,prompt\n12,"a ""red"", blue\nfox"\nvrd7,two foxes\n');
    const questions = put(
      'dpg_bench.csv',
      'item_id,text,keywords,proposition_id\n12,"a ""red"", blue\nfox",x,1\n12,"a ""red"", blue\nfox",x,2\nvrd7,two foxes,,1\n',
    );
    for (const path of [texts, list, table, questions]) {
      const prompts = await readDpgPrompts(path);
      expect(
        prompts.map(({ id, prompt }) => [id, prompt]),
        path,
      ).toEqual([
        ['12', 'a "red", blue\nfox'],
        ['vrd7', 'two foxes'],
      ]);
    }
    expect((await readDpgPrompts(questions))[1]?.where).toBe(`${questions}:6`);
  });

  it('refuses ids that could never be scored, twice the same, and rows without an id', async () => {
    const list = put(
      'p.jsonl',
      lines({ id: 'v1.5-3', prompt: 'a' }, { id: 7, prompt: 'b' }, { id: '7', prompt: 'c' }),
    );
    await expect(readDpgPrompts(list)).rejects.toThrow(
      /p\.jsonl:1: the id "v1\.5-3" has a dot.*p\.jsonl:3: the id "7" is that of .*p\.jsonl:2 too/,
    );
    await expect(readDpgPrompts(put('q.jsonl', lines({ prompt: 'a' })))).rejects.toThrow(
      'q.jsonl:1: none of the keys id, item_id, filename',
    );
    await expect(readDpgPrompts(put('a.csv', 'name,prompt\n1,a\n'))).rejects.toThrow(
      'a.csv:1: no column of ids',
    );
    await expect(readDpgPrompts(put('b.csv', 'id,prompt\n1,a\n1,b\n'))).rejects.toThrow(
      /b\.csv:3: another prompt than .*b\.csv:2 has for 1/,
    );
    await expect(readDpgPrompts(put('c.csv', 'id,prompt\n1,"a\nb\n'))).rejects.toThrow(
      'c.csv:2: a quote is not closed',
    );
    await expect(readDpgPrompts(put('d.txt', 'a fox'))).rejects.toThrow('is one text, which has no ids');
  });

  it('makes a grid of four pictures, or takes one', async () => {
    const prompts = await readDpgPrompts(
      put('p.jsonl', lines({ id: 'a', prompt: 'a' }, { id: 'b', prompt: 'b' })),
    );
    expect(planDpg(prompts, 4).pictures).toEqual([
      { path: 'a.png', pictures: [0, 1, 2, 3] },
      { path: 'b.png', pictures: [4, 5, 6, 7] },
    ]);
    expect(planDpg(prompts, 1).pictures[1]).toEqual({ path: 'b.png', pictures: [1] });
    expect(() => planDpg(prompts, 3)).toThrow('DPG-Bench scores 1 or 4 pictures a prompt, not 3');
  });
});

it('reads tables as RFC 4180 has them', () => {
  const rows = parseCsv('\ufeffa,b\r\n"1,2","x\r\ny"\n\n3,\n"""",z', 't.csv');
  expect(rows).toEqual([
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['1,2', 'x\ny'] },
    { line: 5, fields: ['3', ''] },
    { line: 6, fields: ['"', 'z'] },
  ]);
});

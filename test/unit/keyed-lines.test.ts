import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyedLines, type LineRule } from '../../lib/keyed-lines.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-lines-'));
  path = join(folder, 'a.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const rule: LineRule = {
  placeOf: (value) => {
    const { n } = (value ?? {}) as { readonly n?: unknown };
    return typeof n === 'number' ? { key: String(n), order: n } : undefined;
  },
};
const text = (n: number, more = {}) => JSON.stringify({ n, ...more });
const content = () => readFileSync(path, 'utf8');

it('has one line a key, in order, after a run in any order', async () => {
  const lines = await KeyedLines.create(path, rule);
  for (const n of [2, 0, 1]) await lines.append(String(n), text(n));
  await lines.append('0', text(0, { again: true }));
  expect(lines.has('0', text(0, { again: true }))).toBe(true);
  expect(lines.has('0', text(0))).toBe(false);
  expect(await lines.finish()).toBe(0);
  expect(content()).toBe('{"n":0,"again":true}\n{"n":1}\n{"n":2}\n');
});

it('leaves a file that is in order as it is', async () => {
  writeFileSync(path, '{"n":0}\n{"n":1}\n');
  const lines = await KeyedLines.open(path, rule);
  expect(lines.has('1', '{"n":1}')).toBe(true);
  expect(lines.has('2')).toBe(false);
  expect(await lines.finish()).toBe(0);
  expect(content()).toBe('{"n":0}\n{"n":1}\n');
});

describe('a file that was cut', () => {
  const whole = '{"n":0,"text":"é"}\n{"n":1}\n{"n":2}';

  it('at any byte keeps its whole lines, and loses none that come', async () => {
    const bytes = Buffer.from(whole);
    for (let cut = 0; cut <= bytes.length; cut++) {
      writeFileSync(path, bytes.subarray(0, cut));
      const lines = await KeyedLines.open(path, rule);
      const known = [0, 1, 2].filter((n) => lines.has(String(n)));
      await lines.append('9', text(9));
      await lines.finish();
      const read = content()
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { n: number }).n);
      expect(read).toEqual([...known, 9]);
    }
  });

  it('tells how many lines are broken', async () => {
    writeFileSync(path, '{"n":0}\n{"n":1,"ind{"n":2}\nnull\n\n[]\n{"n":3');
    expect(await (await KeyedLines.open(path, rule)).finish()).toBe(4);
    expect(content()).toBe('{"n":0}\n');
  });
});

it('takes the last of several lines, whoever wrote them', async () => {
  const [one, two] = [await KeyedLines.open(path, rule), await KeyedLines.open(path, rule)];
  await one.append('5', text(5, { by: 1 }));
  await two.append('5', text(5, { by: 2 }));
  await one.append('3', text(3));
  await two.finish();
  expect(content()).toBe('{"n":3}\n{"n":5,"by":2}\n');
});

it('reads and sorts lines over the edges of blocks', async () => {
  const lines = Array.from({ length: 4000 }, (_, n) => text(n, { fill: 'x'.repeat(n % 997) }));
  writeFileSync(path, [...lines.slice(1000), ...lines.slice(0, 1000)].join('\n'));
  await (await KeyedLines.open(path, rule)).finish();
  expect(content()).toBe(`${lines.join('\n')}\n`);
});

it('writes to what is no file, and does nothing else to it', async () => {
  const lines = await KeyedLines.create('/dev/null', rule);
  await lines.append('0', text(0));
  await lines.finish();
  await expect((await KeyedLines.open('/dev/full', rule)).append('0', text(0))).rejects.toMatchObject({
    code: 'ERR_SVGT2I_DISK_FULL',
  });
});

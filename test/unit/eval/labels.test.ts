import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readLabels } from '../../../lib/eval/labels.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-labels-'));
afterAll(() => rmSync(folder, { recursive: true }));

const names = ['a/1.png', 'a/2.png', 'b/3.png'];
function file(text: string): string {
  const path = join(folder, 'labels.txt');
  writeFileSync(path, text);
  return path;
}

it.each([
  ['7\n8\r\n9\n', [7n, 8n, 9n]],
  ['\n7\n\n8\n9', [7n, 8n, 9n]],
  ['b/3.png 9\na/1.png 7\na/2.png\t8\nmore.png 1\n', [7n, 8n, 9n]],
  ['1, 7\n2,8\n3 , 9', [7n, 8n, 9n]],
])('reads %j', async (text, wanted) => {
  expect(Array.from(await readLabels(file(text), names))).toEqual(wanted);
});

it.each([
  ['7\n8\n', ' has 2 classes for 3 pictures'],
  ['7\ncat\n9\n', ':2: "cat" is no class, a number from 0 on'],
  ['7\n-1\n9\n', ':2: "-1" is no class, a number from 0 on'],
  ['7\n1.5\n9\n', ':2: "1.5" is no class, a number from 0 on'],
  ['a/1.png 7\n8\n', ': some lines name their picture and others do not'],
  ['a/1.png 7\na/1.png 8\n', ':2: a/1.png has a class already'],
  ['a/1.png 7\na/2.png 8\n', ' has no class for 1 pictures, b/3.png is one of them'],
])('refuses %j', async (text, message) => {
  const path = file(text);
  await expect(readLabels(path, names)).rejects.toMatchObject({
    code: 'ERR_SVGT2I_DATA',
    message: `${path}${message}`,
  });
});

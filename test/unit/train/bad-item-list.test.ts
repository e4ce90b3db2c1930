import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BadItemList } from '../../../lib/train/bad-item-list.js';

let folder: string;
let path: string;
const warnings: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-bad-items-'));
  path = join(folder, 'bad-items.jsonl');
  warnings.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const list = () => new BadItemList(path, (message) => warnings.push(message));
const item = (index: number) => ({ index, message: `${index}.png cannot be read` });
const indices = () =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { index: number }).index);

it('names each picture once over a resume, behind a line that a kill has torn', async () => {
  const first = list();
  for (const index of [4, 2]) first.add(item(index));
  await first.settle();
  expect(indices()).toEqual([4, 2]);
  writeFileSync(path, readFileSync(path).subarray(0, -9));
  const second = list();
  for (const index of [4, 2, 7]) second.add(item(index));
  await second.finish();
  expect(indices()).toEqual([2, 4, 7]);
  expect(warnings).toEqual([]);
});

it('names each picture once over several processes', async () => {
  const [one, two] = [list(), list()];
  for (const index of [5, 1]) one.add(item(index));
  await one.settle();
  for (const index of [1, 3]) two.add(item(index));
  one.add(item(3));
  await Promise.all([one.settle(), two.settle()]);
  await one.finish();
  expect(indices()).toEqual([1, 3, 5]);
});

it('makes no file of nothing, and is no reason to stop', async () => {
  await list().finish();
  expect(existsSync(path)).toBe(false);
  const nowhere = new BadItemList(join(folder, 'no', 'b.jsonl'), (message) => warnings.push(message));
  nowhere.add(item(1));
  await nowhere.finish();
  expect(warnings).toEqual([expect.stringContaining('could not be written')]);
});

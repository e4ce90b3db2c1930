// Names of classes: the file's forms, and which class is meant.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { classNamesFile, readClassNames, resolveClass } from '../../../lib/release/class-names.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-classes-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

it.each([
  ['names.txt', 'tench, Tinca tinca\r\ngolden retriever\n\ntabby_cat\n', 3],
  ['list.json', '["tench, Tinca tinca", "golden retriever", "", "tabby_cat"]', 3],
  ['numbers.json', '{"0": "tench, Tinca tinca", "1": "golden retriever", "3": "tabby_cat"}', 3],
  [
    'synsets.json',
    '{"0": ["n01440764", "Tinca tinca"], "1": ["n0", "golden retriever"], "3": ["n1", "tabby_cat"]}',
    3,
  ],
  ['names.json', '{"Tinca tinca": 0, "golden retriever": 1, "tabby_cat": 3}', 3],
])('%s', (name, text, tabby) => {
  const names = readClassNames(write(name, text));
  expect(resolveClass('tinca TINCA', names).number).toBe(0);
  expect(resolveClass('golden retriever', names)).toEqual({ number: 1, name: 'golden retriever' });
  expect(resolveClass('Tabby cat', names).number).toBe(tabby);
  expect(resolveClass('1', names)).toEqual({ number: 1, name: 'golden retriever' });
  expect(resolveClass(999, names)).toEqual({ number: 999, name: undefined });
});

it('reads what it writes', () => {
  const names = readClassNames(write('own.json', classNamesFile(['a', 'b'])));
  expect(resolveClass('b', names)).toEqual({ number: 1, name: 'b' });
});

it('names the nearest class, and says where names come from', () => {
  const names = readClassNames(write('two.txt', 'golden retriever\ntench'));
  expect(() => resolveClass('golden retreiver', names)).toThrow(
    expect.objectContaining({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      hint: 'Did you mean "golden retriever"?',
    }),
  );
  expect(() => resolveClass('tench', undefined)).toThrow('no names of classes are known');
  expect(resolveClass('207', undefined)).toEqual({ number: 207, name: undefined });
});

it.each([
  ['empty.txt', '\n\n', 'holds no class names'],
  ['bad.json', '{', 'is no JSON'],
  ['number.json', '7', 'holds neither a list nor an object'],
  ['odd.json', '{"tench": -1}', 'says no class by "tench": -1'],
])('refuses %s', (name, text, message) => {
  expect(() => readClassNames(write(name, text))).toThrow(
    expect.objectContaining({ code: 'ERR_SVGT2I_FILE_FORMAT', message: expect.stringContaining(message) }),
  );
});

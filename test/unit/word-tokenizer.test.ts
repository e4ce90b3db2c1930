import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../lib/text/tokenizer.js';
import { wordsOf, wordTokenizer } from '../../lib/text/word-tokenizer.js';
import { goldenFolder } from './golden.js';

let folder: string;
let tokenizer: Tokenizer;
const texts = ['two red circles, left of a blue square', 'a star on black'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svg-t2i words '));
  const { json, config } = wordTokenizer(wordsOf(texts));
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  tokenizer = await loadTokenizer(folder);
});
afterAll(() => rm(folder, { recursive: true }));

it('lists words once, in order', () => {
  expect(wordsOf(['b a, B.', 'a-c'])).toEqual(['a', 'b', 'c']);
});

it('gives a token to each word and mark', () => {
  const { ids } = tokenizer.encode('Two red circles, left of a BLUE square');
  expect(ids).toHaveLength(1 + 8 + 1);
  expect(ids[0]).toBe(2);
  expect(new Set(ids).size).toBe(ids.length);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true }).trim()).toBe(
    'two red circles, left of a blue square',
  );
});

it('gives a word the same token everywhere', () => {
  const [, first] = tokenizer.encode('star').ids;
  expect(tokenizer.encode('a star, star').ids.filter((id) => id === first)).toHaveLength(2);
});

it.each(['a dog', 'größer', 'x\u{1f600}y', 'redder star-circle', '  a  b '])(
  'keeps every character of %j',
  (text) => {
    const { ids } = tokenizer.encode(text);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(` ${text.toLowerCase()}`);
  },
);

it('has nothing but <bos> for an empty text', () => {
  expect(tokenizer.encode('').ids).toEqual([2]);
});

it('knows which words of a text have no token', async () => {
  const unknown = (text: string) => tokenizer.words?.unknownIn(text);
  expect(unknown('Two RED circles, left of a blue square.')).toEqual([]);
  expect(unknown('a red dog on a red-blue horse; a dog!')).toEqual(['dog', 'blue', 'horse']);
  expect(unknown('x (star) 中\n')).toEqual(['x', 'star', '中']);
  expect(unknown('')).toEqual([]);
});

it('claims nothing of a vocabulary without words, or with merges', async () => {
  const { json, config } = wordTokenizer([]);
  await writeFile(join(folder, 'none.json'), JSON.stringify(json));
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  expect((await loadTokenizer(join(folder, 'none.json'))).words).toBeUndefined();
  expect((await loadTokenizer(goldenFolder('tokenizer'))).words).toBeUndefined();
});

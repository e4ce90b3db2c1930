import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AddedTokens } from '../../lib/text/added-tokens.js';
import { isQuickPattern } from '../../lib/text/patterns.js';
import { loadTokenizer } from '../../lib/text/tokenizer.js';
import { goldenFolder } from './golden.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-t2i-tokenizer-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Json = Record<string, unknown>;

function load(change: (json: Json) => void) {
  const json = JSON.parse(readFileSync(join(goldenFolder('tokenizer'), 'tokenizer.json'), 'utf8')) as Json;
  change(json);
  const file = join(folder, 'tokenizer.json');
  writeFileSync(file, JSON.stringify(json));
  return loadTokenizer(file);
}

const split = (Regex: string) => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
});

describe('patterns', () => {
  it.each([
    String.raw`\s+`,
    String.raw`\p{N}{1,3}`,
    String.raw`[\r\n]`,
    String.raw`\s?\p{L}+|\s?\p{P}+`,
    String.raw`▁?[^▁\p{P}]+|▁?\p{P}|▁`,
    ' {2,}',
    'a|b|cd+',
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ])('%s passes', (pattern) => {
    expect(isQuickPattern(pattern)).toBe(true);
  });

  it.each([
    '(a+)+$',
    '(a|a)*b',
    'a*a*a*b',
    'a+b',
    String.raw`\s*\s*\s*x`,
    '(?=a)b',
    String.raw`(.)\1`,
    'a{1,1000}b',
    'a?a?a?a?a?a?a?a?a?b',
    '[[:alpha:]]+',
    'x'.repeat(2000),
    '(',
    '^a',
    'a$',
  ])('%s does not', (pattern) => {
    expect(isQuickPattern(pattern)).toBe(false);
  });

  it.each<[string, (json: Json) => void]>([
    ['pre_tokenizer', (json) => (json.pre_tokenizer = split('(a+)+$'))],
    [
      'normalizer',
      (json) => (json.normalizer = { type: 'Replace', pattern: { Regex: '(a|a)*b' }, content: '' }),
    ],
    [
      'pre_tokenizer',
      (json) => (json.pre_tokenizer = { type: 'Sequence', pretokenizers: [split('(a+)+$')] }),
    ],
    ['decoder', (json) => (json.decoder = { type: 'Replace', pattern: { Regex: '(a+)+' }, content: '' })],
  ])('of a %s are refused by name', async (part, change) => {
    await expect(load(change)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringMatching(
        new RegExp(`tokenizer.json: the pattern ".*" of its ${part} is not run`),
      ) as unknown,
    });
  });

  it('of known tokenizers are run', async () => {
    const tokenizer = await load((json) => {
      json.pre_tokenizer = split(String.raw`\s+|\p{L}+`);
    });
    expect(tokenizer.encode('a cat').ids.length).toBeGreaterThan(2);
  });
});

describe('a tokenizer.json is refused where it', () => {
  const replace = (from: string, content: string) => ({
    type: 'Replace',
    pattern: { String: from },
    content,
  });
  it.each<[string, (json: Json) => void, RegExp]>([
    [
      'makes texts grow without measure',
      (json) => (json.normalizer = { type: 'Sequence', normalizers: Array(40).fill(replace('a', 'aa')) }),
      /grow without measure/,
    ],
    [
      'puts texts between all characters',
      (json) => (json.normalizer = { type: 'Sequence', normalizers: Array(40).fill(replace('', 'a')) }),
      /grow without measure/,
    ],
    [
      'puts in long texts',
      (json) => (json.normalizer = { type: 'Prepend', prepend: 'x'.repeat(100_000) }),
      /100000 characters/,
    ],
    [
      'is nested too deep',
      (json) => {
        let tree: unknown = { type: 'Lowercase' };
        for (let i = 0; i < 2000; i++) tree = { type: 'Sequence', normalizers: [tree] };
        json.normalizer = tree;
      },
      /too many parts/,
    ],
    [
      'has an added token of megabytes',
      (json) => (json.added_tokens = [{ id: 0, content: 'x'.repeat(5_000_000) }]),
      /added_tokens\.0\.content/,
    ],
    [
      'has added tokens without number',
      (json) =>
        (json.added_tokens = Array.from({ length: 200_000 }, (_, id) => ({ id, content: `<${id}>` }))),
      /added_tokens/,
    ],
    [
      'has a post-processor without its template',
      (json) => (json.post_processor = { type: 'TemplateProcessing', single: null, pair: null }),
      /no tokenizer of Gemma's kind/,
    ],
    [
      'has a post-processor without its tokens',
      (json) => (json.post_processor = { type: 'RobertaProcessing' }),
      /no tokenizer of Gemma's kind/,
    ],
    [
      'has an unknown post-processor',
      (json) => (json.post_processor = { type: 'Odd' }),
      /no tokenizer of Gemma's kind/,
    ],
  ])('%s', async (_, change, message) => {
    const refused = expect(load(change)).rejects;
    await refused.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('is too large, and says so in little', async () => {
    const file = join(folder, 'tokenizer.json');
    writeFileSync(file, Buffer.alloc(65 * 1024 * 1024, 0x20));
    await expect(loadTokenizer(file)).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
    await expect(
      load((json) => (json.added_tokens = Array.from({ length: 40_000 }, () => ({ content: 7 })))),
    ).rejects.toMatchObject({ message: expect.stringMatching(/^.{1,600}$/) as unknown });
  });
});

describe('AddedTokens', () => {
  it('takes the longest at every place', () => {
    const tokens = new AddedTokens(['<a>', '<a>b', 'x', '', '\n\n', '\n']);
    expect(tokens.split('<a>c<a>b')).toEqual(['', '<a>', 'c', '<a>b', '']);
    expect(tokens.split('\n\n\n')).toEqual(['', '\n\n', '', '\n', '']);
    expect(tokens.split('<a')).toEqual(['<a']);
    expect(tokens.split('')).toEqual(['']);
    expect(new AddedTokens([]).split('<a>')).toEqual(['<a>']);
  });

  it('splits as an expression of all tokens does', () => {
    const contents = ['<a>', '<a><b>', '<b', 'aa', 'aaa', 'b>'];
    const pattern = new RegExp(`(${[...contents].sort((a, b) => b.length - a.length).join('|')})`, 'u');
    const tokens = new AddedTokens(contents);
    const letters = ['<', 'a', '>', 'b', ' '];
    for (let i = 0; i < 500; i++) {
      const text = Array.from({ length: 20 }, (_, j) => letters[(i * 7 + j * j * (i + 3)) % 5]).join('');
      expect(tokens.split(text)).toEqual(text.split(pattern));
    }
  });
});

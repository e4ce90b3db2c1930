import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { detokenize } from '../../lib/text/detokenize.js';
import { loadTokenizer, type Tokenizer } from '../../lib/text/tokenizer.js';
import { goldenFolder } from './golden.js';

let tokenizer: Tokenizer;

beforeAll(async () => {
  tokenizer = await loadTokenizer(goldenFolder('tokenizer'));
});

function writeTokenizer(change: (json: { added_tokens: object[]; [key: string]: unknown }) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-tokenizer-'));
  const json = JSON.parse(readFileSync(join(goldenFolder('tokenizer'), 'tokenizer.json'), 'utf8'));
  change(json);
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  return folder;
}

describe('encode', () => {
  it('starts every text with <bos>', () => {
    expect(tokenizer.encode('').ids).toEqual([2]);
    expect(tokenizer.encode('A red circle').ids).toEqual([2, 451, 358, 286, 272, 326]);
  });

  it('keeps the first ids and says that it dropped some', () => {
    expect(tokenizer.encode('A red circle', { maxLength: 3 })).toEqual({
      ids: [2, 451, 358],
      truncated: true,
    });
    expect(tokenizer.encode('A red circle', { maxLength: 6 }).truncated).toBe(false);
  });

  it('refuses a limit that leaves no token', () => {
    expect(() => tokenizer.encode('a', { maxLength: 0 })).toThrow(/leaves none/);
  });

  it('takes special tokens in the text for themselves', () => {
    expect(tokenizer.encode('<bos><eos>').ids).toEqual([2, 2, 1]);
  });

  it('takes a lone surrogate for the replacement character', () => {
    expect(tokenizer.encode('\ud800').ids).toEqual(tokenizer.encode('\ufffd').ids);
  });

  it('matches added tokens in the raw text only, the longest first', async () => {
    const folder = writeTokenizer((json) => {
      const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
      json.added_tokens.push(
        { id: 534, content: '\u2581\u2581', ...flags },
        { id: 535, content: '\n', ...flags },
      );
      json.added_tokens.push({ id: 536, content: '\n\n', ...flags });
    });
    const withAdded = await loadTokenizer(folder);
    expect(withAdded.encode('  ').ids).toEqual(tokenizer.encode('  ').ids);
    expect(withAdded.encode('\u2581\u2581').ids).toEqual([2, 534]);
    expect(withAdded.encode('\n\n\n').ids).toEqual([2, 536, 535]);
  });
});

describe('merging word by word', () => {
  interface Model {
    vocab: Record<string, number>;
    merges: [string, string][];
  }

  /** The golden tokenizer without the tokens that reach over a space; `extra` is one more that no merge makes. */
  function withoutPhrases(extra: readonly string[]): string {
    return writeTokenizer((json) => {
      const model = json.model as Model;
      const isPhrase = (token: string) => /[^\u2581]\u2581/.test(token);
      model.merges = model.merges.filter((pair) => !isPhrase(pair.join('')));
      const tokens = Object.entries(model.vocab).map(([token, id]) => [
        isPhrase(token) ? `<${id}>` : token,
        id,
      ]);
      model.vocab = Object.fromEntries([...tokens, ...extra.map((token, i) => [token, 534 + i])]);
    });
  }

  it('gives the tokens of merging the whole text', async () => {
    const [byWord, whole] = await Promise.all([
      loadTokenizer(withoutPhrases([])),
      loadTokenizer(withoutPhrases(['x\u2581y'])),
    ]);
    const texts = [
      'A red circle above a blue square. 写实',
      '  two  spaces  ',
      ' ',
      '',
      'a\u2581b \u2581 c',
      'x y\n z',
    ];
    for (const text of texts) expect(byWord.encode(text).ids).toEqual(whole.encode(text).ids);
    expect(byWord.encode(texts[0] ?? '').ids).not.toEqual(tokenizer.encode(texts[0] ?? '').ids);
  });

  it('takes a text of a million characters', async () => {
    const byWord = await loadTokenizer(withoutPhrases([]));
    const { ids, truncated } = byWord.encode('A red circle '.repeat(80_000), { maxLength: 512 });
    expect([ids.length, truncated]).toEqual([512, true]);
  });
});

describe('encodeBatch', () => {
  it('pads to the longest text, rounded up, on the right', () => {
    const { inputIds, attentionMask, truncated } = tokenizer.encodeBatch(['A red circle', ''], {
      padToMultipleOf: 8,
    });
    expect(inputIds).toEqual([
      [2, 451, 358, 286, 272, 326, 0, 0],
      [2, 0, 0, 0, 0, 0, 0, 0],
    ]);
    expect(attentionMask).toEqual([
      [1, 1, 1, 1, 1, 1, 0, 0],
      [1, 0, 0, 0, 0, 0, 0, 0],
    ]);
    expect(truncated).toEqual([false, false]);
  });

  it('pads on the left where asked', () => {
    const { inputIds } = tokenizer.encodeBatch(['', 'A red circle'], { paddingSide: 'left' });
    expect(inputIds[0]).toEqual([0, 0, 0, 0, 0, 2]);
  });

  it('takes no texts at all', () => {
    expect(tokenizer.encodeBatch([])).toEqual({ inputIds: [], attentionMask: [], truncated: [] });
  });
});

describe('decode', () => {
  it('gives back any text', () => {
    const text = '写实，摄影  two  spaces \u{1f98a}\t\n "quotes" naïve';
    expect(tokenizer.decode(tokenizer.encode(text).ids, { skipSpecialTokens: true })).toBe(text);
  });

  it('keeps special tokens unless told not to, and leaves unknown ids out', () => {
    expect(tokenizer.decode([2, 451, 9_999_999])).toBe(`<bos>${tokenizer.decode([451])}`);
    expect(tokenizer.decode([2], { skipSpecialTokens: true })).toBe('');
    expect(tokenizer.decode([])).toBe('');
  });
});

describe('detokenize', () => {
  it('joins bytes to characters and replaces those that are none, one by one', () => {
    expect(detokenize(['<0xE5>', '<0x86>', '<0x99>', '\u2581a'])).toBe('写 a');
    expect(detokenize(['x', '<0xE5>', '<0x86>', 'y', '<0xFF>'])).toBe('x\ufffd\ufffdy\ufffd');
    expect(detokenize(['<0xEF>', '<0xBB>', '<0xBF>'])).toBe('\ufeff');
    expect(detokenize(['<0xEF>', '<0xBF>', '<0xBD>'])).toBe('\ufffd');
  });
});

describe('loadTokenizer', () => {
  it('takes the file itself too', async () => {
    const fromFile = await loadTokenizer(join(goldenFolder('tokenizer'), 'tokenizer.json'));
    expect(fromFile.encode('A red circle').ids).toHaveLength(6);
  });

  it('names the file that is missing, cut or of another kind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-tokenizer-'));
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'ERR_SVGT2I_WEIGHTS_MISSING' });
    writeFileSync(join(folder, 'tokenizer.json'), '{"model":');
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
    writeFileSync(join(folder, 'tokenizer.json'), '{"model":{"type":"Unigram"}}');
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json is no tokenizer of Gemma's kind/);
  });
});

/** A large tokenizer is read and asked in a thread of its own: the main thread parses none of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type OpenTokenizer, openTokenizer } from '../../dist/text/open-tokenizer.js';
import { loadTokenizer } from '../../dist/text/tokenizer.js';
import { goldenFolder } from './golden.js';

const LARGEST_PARSED = 1024 * 1024;

let folder: string;
/** Two that say the same: of some kilobytes, and with 60,000 tokens more that no text has. */
const small = goldenFolder('tokenizer');
const large = () => join(folder, 'tokenizer.json');
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-tokenizer-thread-'));
  const json = JSON.parse(readFileSync(join(small, 'tokenizer.json'), 'utf8'));
  for (let i = 0; i < 60_000; i++) json.model.vocab[`\u2581unheard-of-${i}`] = 100_000 + i;
  writeFileSync(large(), JSON.stringify(json));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Sizes of the texts that were parsed on this thread. */
async function parsedDuring(work: () => Promise<void>): Promise<readonly number[]> {
  const sizes: number[] = [];
  const parse = JSON.parse;
  const spy = vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
    sizes.push(text.length);
    return parse(text, reviver);
  });
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return sizes;
}

async function disposedAfter(path: string, use: (tokenizer: OpenTokenizer) => Promise<void>): Promise<void> {
  const tokenizer = await openTokenizer(path);
  try {
    await use(tokenizer);
  } finally {
    await tokenizer.dispose();
  }
}

it('the main thread parses none of it', async () => {
  const sizes = await parsedDuring(() =>
    disposedAfter(large(), async (tokenizer) => {
      await tokenizer.encode(['A red circle']);
    }),
  );
  expect(Math.max(0, ...sizes)).toBeLessThan(LARGEST_PARSED);
  const ofSmall = await parsedDuring(() => disposedAfter(small, async () => undefined));
  expect(ofSmall.length).toBeGreaterThan(0);
});

it('answers as on the main thread', async () => {
  const own = await loadTokenizer(small);
  const texts = ['A red circle', '', '<bos>a\u2581b', '\ud800', 'x'.repeat(300)];
  await disposedAfter(large(), async (tokenizer) => {
    for (const options of [{}, { maxLength: 3 }]) {
      expect(await tokenizer.encode(texts, options)).toEqual(texts.map((text) => own.encode(text, options)));
    }
    const { ids } = own.encode('A red circle');
    expect(await tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(
      own.decode(ids, { skipSpecialTokens: true }),
    );
    expect(tokenizer.words).toBeUndefined();
    // Answers come in the order of the questions, however many wait.
    const many = await Promise.all(texts.map((text) => tokenizer.encode([text])));
    expect(many).toEqual(texts.map((text) => [own.encode(text)]));
  });
});

it('fails as on the main thread, and is refused once it is disposed of', async () => {
  await expect(openTokenizer(join(folder, 'absent'))).rejects.toMatchObject({
    code: 'ERR_SVGT2I_WEIGHTS_MISSING',
    hint: expect.stringContaining('gemma-2-2b'),
  });
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, `${readFileSync(large(), 'utf8').slice(0, -9)}`);
  await expect(openTokenizer(broken)).rejects.toMatchObject({
    code: 'ERR_SVGT2I_FILE_FORMAT',
    message: expect.stringContaining('broken.json is no JSON'),
  });
  const tokenizer = await openTokenizer(large());
  await expect(tokenizer.encode(['a'], { maxLength: 0 })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
  });
  const asked = expect(tokenizer.encode(['a'])).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
  await tokenizer.dispose();
  await asked;
  await expect(tokenizer.encode(['a'])).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
});

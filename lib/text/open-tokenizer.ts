/** Tokenizers behind promises: a large one lives in a thread of its own, since reading Gemma's 34 MB takes a second. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DecodeOptions,
  type EncodedText,
  type EncodeOptions,
  loadTokenizer,
  type Tokenizer,
} from './tokenizer.js';
import { TokenizerThread, type TokenizerUse } from './tokenizer-thread.js';
import type { WordVocabulary } from './word-vocabulary.js';

/** What a pipeline asks of a tokenizer. */
export interface OpenTokenizer {
  /** Of a small model's tokenizer, which has whole words alone. */
  readonly words: WordVocabulary | undefined;
  /** The ids of each text, <bos> in front. */
  encode(texts: readonly string[], options?: EncodeOptions): Promise<readonly EncodedText[]>;
  decode(ids: readonly number[], options?: DecodeOptions): Promise<string>;
  dispose(): Promise<void>;
}

/** A file of this size is read in some milliseconds, less than a thread takes to start. */
const LARGE_BYTES = 1024 * 1024;

/**
 * The tokenizer of a Gemma folder, or a tokenizer.json itself.
 *
 * @throws SvgT2IError as loadTokenizer(), or the signal's reason
 */
export async function openTokenizer(path: string, use: TokenizerUse = {}): Promise<OpenTokenizer> {
  const bytes = Math.max(await sizeOf(path), await sizeOf(join(path, 'tokenizer.json')));
  if (bytes > LARGE_BYTES) return await TokenizerThread.open(path, use);
  return new OwnTokenizer(await loadTokenizer(path));
}

/** 0 for what is no file: loading says so. */
async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (entry) => (entry.isFile() ? entry.size : 0),
    () => 0,
  );
}

/** On this thread. */
class OwnTokenizer implements OpenTokenizer {
  readonly words: WordVocabulary | undefined;
  readonly #tokenizer: Tokenizer;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.words = tokenizer.words;
  }

  async encode(texts: readonly string[], options?: EncodeOptions): Promise<readonly EncodedText[]> {
    return texts.map((text) => this.#tokenizer.encode(text, options));
  }

  async decode(ids: readonly number[], options?: DecodeOptions): Promise<string> {
    return this.#tokenizer.decode(ids, options);
  }

  async dispose(): Promise<void> {}
}

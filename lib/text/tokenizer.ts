/** The text encoder's tokenizer: a tokenizer.json of Gemma-2's shape (BPE with byte fallback, <bos> in front). */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Tokenizer as JsonTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { firstLine, SvgT2IError } from '../errors.js';
import { readText } from '../regular-file.js';
import { AddedTokens } from './added-tokens.js';
import { detokenize } from './detokenize.js';
import { checkPatterns } from './patterns.js';
import { WordVocabulary } from './word-vocabulary.js';

export interface EncodeOptions {
  /** Ids at most, <bos> included; the first are kept. */
  readonly maxLength?: number;
}

export interface EncodedText {
  readonly ids: readonly number[];
  /** The text had more ids than `maxLength`. */
  readonly truncated: boolean;
}

export interface EncodeBatchOptions extends EncodeOptions {
  /** The common length is rounded up to a multiple of this. */
  readonly padToMultipleOf?: number;
  readonly paddingSide?: 'right' | 'left';
}

export interface EncodedBatch {
  /** (texts, length) ids, padded with the <pad> id. */
  readonly inputIds: readonly (readonly number[])[];
  /** 1 for a token of the text, 0 for padding. */
  readonly attentionMask: readonly (readonly number[])[];
  readonly truncated: readonly boolean[];
}

export interface DecodeOptions {
  readonly skipSpecialTokens?: boolean;
}

/** Of a tokenizer.json; Gemma-3's has 33 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;
const MAX_CONFIG_BYTES = 8 * 1024 * 1024;
/** Gemma-3 has 6,415 added tokens, of 30 characters at most. */
const MAX_ADDED_TOKENS = 50_000;
const MAX_ADDED_CHARACTERS = 256;

const addedTokenSchema = z.object({
  id: z.number().int().nonnegative(),
  content: z.string().max(MAX_ADDED_CHARACTERS),
  special: z.boolean().default(false),
});

/** What we rely on ourselves; the library reads the rest. */
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(addedTokenSchema.loose()).max(MAX_ADDED_TOKENS).default([]),
  model: z.looseObject({
    type: z.literal('BPE'),
    vocab: z.record(z.string(), z.number().int().nonnegative()),
    merges: z.array(z.unknown()),
  }),
});

const tokenNameSchema = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform((token) => token.content),
]);
const configSchema = z.looseObject({
  bos_token: tokenNameSchema.nullish(),
  eos_token: tokenNameSchema.nullish(),
  pad_token: tokenNameSchema.nullish(),
  unk_token: tokenNameSchema.nullish(),
  add_bos_token: z.boolean().nullish(),
});

type TokenizerJson = z.infer<typeof tokenizerSchema>;
type TokenizerConfig = z.infer<typeof configSchema>;

/** Words, numbers, space, a line break and what is not ASCII. */
const PROBE = 'A fox, 12 \u00e9\u4e2d \u{1f98a}\n  end.';

/** Between any character and a space, of which the normalizer makes U+2581. */
const WORD_START = /(?<=[^\u2581])(?=\u2581)/u;

export class Tokenizer {
  readonly #tokenizer: JsonTokenizer;
  readonly #addedTokens: AddedTokens;
  readonly #specialIds: ReadonlySet<number>;
  /**
   * No token reaches over the start of a word, as in Gemma itself: merging word by word then gives the same tokens in
   * time that grows with the text, and words are cached.
   */
  readonly #wordsAreApart: boolean;
  readonly #bosToken: string | undefined;
  readonly #unknownId: number;
  readonly padId: number;
  readonly eosId: number | undefined;
  /** Of a small model's tokenizer, which has whole words alone. */
  readonly words: WordVocabulary | undefined;

  /** @internal Use `loadTokenizer`. */
  constructor(json: TokenizerJson, config: TokenizerConfig) {
    this.#tokenizer = new JsonTokenizer(json, {});
    this.#addedTokens = new AddedTokens(json.added_tokens.map((token) => token.content));
    this.#specialIds = new Set(json.added_tokens.filter((token) => token.special).map((token) => token.id));
    this.words = WordVocabulary.of(Object.keys(json.model.vocab), json.model.merges);
    this.#wordsAreApart = Object.keys(json.model.vocab).every((token) => !WORD_START.test(token));
    this.#bosToken = config.add_bos_token === false ? undefined : (config.bos_token ?? '<bos>');
    this.#unknownId = this.#tokenizer.token_to_id(config.unk_token ?? '<unk>') ?? 0;
    this.padId = this.#tokenizer.token_to_id(config.pad_token ?? '<pad>') ?? 0;
    this.eosId = this.#tokenizer.token_to_id(config.eos_token ?? '<eos>');
  }

  /** The ids of one text with <bos> in front. */
  encode(text: string, options: EncodeOptions = {}): EncodedText {
    const { maxLength = Number.POSITIVE_INFINITY } = options;
    if (!(maxLength >= 1)) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `a text limit of ${maxLength} tokens leaves none`);
    }
    const ids = this.#tokenize(text).map((token) => this.#tokenizer.token_to_id(token) ?? this.#unknownId);
    return { ids: ids.slice(0, maxLength), truncated: ids.length > maxLength };
  }

  /** The ids of several texts, padded to the longest. */
  encodeBatch(texts: readonly string[], options: EncodeBatchOptions = {}): EncodedBatch {
    const { padToMultipleOf = 1, paddingSide = 'right' } = options;
    if (!Number.isInteger(padToMultipleOf) || padToMultipleOf < 1) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `a length cannot be a multiple of ${padToMultipleOf}`,
      );
    }
    const encoded = texts.map((text) => this.encode(text, options));
    const longest = Math.max(0, ...encoded.map(({ ids }) => ids.length));
    const length = Math.ceil(longest / padToMultipleOf) * padToMultipleOf;
    const pad = (values: readonly number[], filler: number): number[] => {
      const padding = new Array<number>(length - values.length).fill(filler);
      return paddingSide === 'right' ? [...values, ...padding] : [...padding, ...values];
    };
    return {
      inputIds: encoded.map(({ ids }) => pad(ids, this.padId)),
      attentionMask: encoded.map(({ ids }) => pad(new Array<number>(ids.length).fill(1), 0)),
      truncated: encoded.map(({ truncated }) => truncated),
    };
  }

  /** The text of ids; ids outside the vocabulary are left out. */
  decode(ids: readonly number[], options: DecodeOptions = {}): string {
    const { skipSpecialTokens = false } = options;
    const kept = skipSpecialTokens ? ids.filter((id) => !this.#specialIds.has(id)) : ids;
    return detokenize(kept.flatMap((id) => this.#tokenizer.id_to_token(id) ?? []));
  }

  /**
   * Splits at added tokens as they stand in the raw text, then merges the rest. The library's own encode() also takes
   * a whole section for an added token that it only equals after normalisation ("  " and "\u2581\u2581").
   */
  #tokenize(text: string): string[] {
    // Lone surrogates have no UTF-8 form: they become U+FFFD, as in any UTF-8 encoder.
    const wellFormed = Buffer.from(text, 'utf8').toString('utf8');
    const tokens = this.#addedTokens
      .split(wellFormed)
      .flatMap((section, index) => (index % 2 === 1 ? [section] : this.#merge(section)));
    const { post_processor } = this.#tokenizer;
    if (post_processor !== null) return post_processor.post_process(tokens).tokens;
    return this.#bosToken === undefined ? tokens : [this.#bosToken, ...tokens];
  }

  #merge(section: string): string[] {
    const { normalizer, pre_tokenizer, model } = this.#tokenizer;
    if (section === '') return [];
    const normalized = normalizer === null ? section : normalizer.normalize(section);
    if (normalized === '' || model === null) return [];
    const words = pre_tokenizer === null ? [normalized] : pre_tokenizer.pre_tokenize(normalized);
    return model.encode(
      this.#wordsAreApart ? words.flatMap((word: string) => word.split(WORD_START)) : words,
    );
  }
}

/**
 * Loads the tokenizer of a Gemma folder, or a tokenizer.json itself; a tokenizer_config.json beside it names the
 * special tokens.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING where there is no tokenizer.json, ERR_SVGT2I_FILE_FORMAT for one
 *   that is cut or of another kind
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const file = isFolder ? join(path, 'tokenizer.json') : path;
  const json = await readJson(file, MAX_TOKENIZER_BYTES);
  if (json === undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISSING',
      `${file} does not exist: the text encoder has no tokenizer`,
      {
        hint: "Put the tokenizer.json of Google's gemma-2-2b there; a tokenizer.model alone is not read.",
      },
    );
  }
  const config = (await readJson(join(dirname(file), 'tokenizer_config.json'), MAX_CONFIG_BYTES)) ?? {};
  try {
    const checked = tokenizerSchema.parse(json);
    checkPatterns(checked, file);
    const tokenizer = new Tokenizer(checked, configSchema.parse(config));
    // Parts that the library reads late, such as a post-processor, fail here rather than at a prompt.
    tokenizer.encode(PROBE);
    return tokenizer;
  } catch (error) {
    if (SvgT2IError.isInstance(error)) throw error;
    const reason = error instanceof z.ZodError ? firstIssue(error) : firstLine(error);
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${file} is no tokenizer of Gemma's kind: ${reason}`, {
      cause: error,
    });
  }
}

/** A list of some thousand tokens may have a fault in each. */
function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return firstLine(error);
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.').slice(0, 100)}: ${issue.message}`;
}

/** undefined where there is no such file. */
async function readJson(file: string, maxBytes: number): Promise<unknown> {
  let text: string;
  try {
    text = await readText(file, { maxBytes });
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${file} is no JSON: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

/** A small tokenizer in Gemma's format whose tokens are the words of a closed vocabulary. */

const SPECIAL_TOKENS = ['<pad>', '<eos>', '<bos>', '<unk>'] as const;
/** Gemma's numbers for them. */
export const SPECIAL_IDS = { pad: 0, eos: 1, bos: 2 } as const;

const WORD_MARK = '\u2581';
/** A word with the mark in front of it, a punctuation mark, or what is left. */
const WORD_PATTERN = `${WORD_MARK}?[^${WORD_MARK}\\p{P}]+|${WORD_MARK}?\\p{P}|${WORD_MARK}`;

export interface WordTokenizer {
  /** Of tokenizer.json. */
  readonly json: object;
  /** Of tokenizer_config.json. */
  readonly config: object;
  readonly vocabularySize: number;
}

/**
 * One token for each of `words`, which are taken in lower case; other text falls into characters, and what is not
 * ASCII into bytes. BPE without merges, with <bos> in front.
 */
export function wordTokenizer(words: Iterable<string>): WordTokenizer {
  const vocabulary = vocabularyOf(words);
  return { json: tokenizerJson(vocabulary), config: tokenizerConfig, vocabularySize: vocabulary.length };
}

/** The words and punctuation marks of texts, in alphabetical order. */
export function wordsOf(texts: Iterable<string>): readonly string[] {
  const words = new Set<string>();
  for (const text of texts) {
    for (const [word] of text.toLowerCase().matchAll(/[^\s\p{P}]+/gu)) words.add(word);
  }
  return [...words].sort();
}

function vocabularyOf(words: Iterable<string>): readonly string[] {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const marked = [...words].map((word) => WORD_MARK + word.toLowerCase());
  return [...new Set([...SPECIAL_TOKENS, ...bytes, WORD_MARK, ...characters, ...marked])];
}

const tokenizerConfig = {
  // Gemma's own class puts Gemma's normalizer and splitter in place of those in tokenizer.json (transformers 5).
  tokenizer_class: 'PreTrainedTokenizerFast',
  pad_token: '<pad>',
  eos_token: '<eos>',
  bos_token: '<bos>',
  unk_token: '<unk>',
  padding_side: 'left',
  add_bos_token: true,
  add_eos_token: false,
};

function tokenizerJson(vocabulary: readonly string[]): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Lowercase' },
        { type: 'Prepend', prepend: WORD_MARK },
        { type: 'Replace', pattern: { String: ' ' }, content: WORD_MARK },
      ],
    },
    pre_tokenizer: { type: 'Split', pattern: { Regex: WORD_PATTERN }, behavior: 'Isolated', invert: false },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<bos>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: '<bos>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<bos>', type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { '<bos>': { id: '<bos>', ids: [SPECIAL_IDS.bos], tokens: ['<bos>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: WORD_MARK }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      // Without merges, or a word would be spelled although it has a token.
      ignore_merges: true,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

/** Vocabularies of whole words, as small models have them: which words of a text are in one. */

const WORD_MARK = '\u2581';
/** Text between punctuation marks. */
const PART = /[^\p{P}]+/gu;

export class WordVocabulary {
  readonly #words: ReadonlySet<string>;

  private constructor(words: ReadonlySet<string>) {
    this.#words = words;
  }

  /**
   * Of a tokenizer's vocabulary and merges. Undefined where tokens are merged, as in Gemma's, which spells any word,
   * and where there are no words at all.
   */
  static of(vocabulary: Iterable<string>, merges: readonly unknown[]): WordVocabulary | undefined {
    if (merges.length > 0) return undefined;
    const words = new Set<string>();
    for (const token of vocabulary) {
      if (token.startsWith(WORD_MARK)) words.add(token.slice(WORD_MARK.length));
    }
    // The mark itself is a token, and letters may be.
    return [...words].some((word) => word.length > 1) ? new WordVocabulary(words) : undefined;
  }

  /** Of the `list` of another one. */
  static ofWords(words: readonly string[]): WordVocabulary {
    return new WordVocabulary(new Set(words));
  }

  get list(): readonly string[] {
    return [...this.#words];
  }

  get size(): number {
    return this.#words.size;
  }

  /** The words of a text, each once, that have no token: their letters mean nothing to a model trained on words. */
  unknownIn(text: string): readonly string[] {
    const unknown = new Set<string>();
    for (const part of text.toLowerCase().split(/\s+/)) {
      for (const { 0: word, index } of part.matchAll(PART)) {
        // A word has its token only behind a space.
        if (index > 0 || !this.#words.has(word)) unknown.add(word);
      }
    }
    return [...unknown];
  }
}

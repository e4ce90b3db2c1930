/** From prompts to the token lists that the text encoder reads, each different caption once. */
import { MAX_CAPTION_TOKENS } from '../config/request.js';
import type { NativeTensor } from '../native/binding.js';
import type { OpenTokenizer } from '../text/open-tokenizer.js';
import { formatNegativePrompt, formatPrompt } from '../text/system-prompts.js';
import type { EncodedText } from '../text/tokenizer.js';
import { unanswered } from '../text/unanswered.js';

/** Unknown words that one warning names, and that are remembered. */
const MAX_NAMED = 20;
const MAX_TOLD = 10_000;

export interface Captions {
  /** Unpadded ids with <bos>, at most 512 each. */
  readonly tokens: readonly (readonly number[])[];
  /** Index into `tokens` of each prompt. */
  readonly prompts: readonly number[];
  /** Index into `tokens` of the caption that guidance steers away from. */
  readonly negative: number;
  readonly warnings: readonly string[];
}

export interface CaptionOptions {
  readonly negativePrompt: string;
  readonly systemPrompt: string;
  /** Rows of the transformer's own position table. */
  readonly maxTokens?: number | undefined;
}

export class CaptionEncoder {
  readonly #tokenizer: OpenTokenizer;
  readonly #options: CaptionOptions;
  readonly #maxLength: number;
  /** Words that were warned of. */
  readonly #told = new Set<string>();
  /** Of the last call: a prompt often stays the same from batch to batch. */
  #known: ReadonlyMap<string, EncodedText> = new Map();

  constructor(tokenizer: OpenTokenizer, options: CaptionOptions) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#maxLength = Math.min(MAX_CAPTION_TOKENS, options.maxTokens ?? MAX_CAPTION_TOKENS);
  }

  /** Warns once of a caption that is cut, and of a word that a small model does not know. */
  async encode(prompts: readonly string[]): Promise<Captions> {
    const { negativePrompt, systemPrompt } = this.#options;
    const ofPrompts = prompts.map((prompt) => formatPrompt(prompt, systemPrompt));
    const ofNegative = formatNegativePrompt(negativePrompt, systemPrompt);
    const names = new Map<string, string>();
    for (const [i, caption] of ofPrompts.entries()) {
      if (!names.has(caption)) names.set(caption, `the prompt "${shorten(prompts[i] ?? '')}"`);
    }
    if (!names.has(ofNegative)) names.set(ofNegative, 'the negative prompt');
    const fresh = [...names.keys()].filter((caption) => !this.#known.has(caption));
    const texts = await this.#tokenizer.encode(fresh, { maxLength: this.#maxLength });
    const found = new Map(this.#known);
    for (const [i, caption] of fresh.entries()) found.set(caption, texts[i] ?? unanswered());
    const encoded = new Map<string, EncodedText>();
    const warnings: string[] = [];
    for (const [caption, name] of names) {
      const text = found.get(caption) ?? unanswered();
      encoded.set(caption, text);
      if (!fresh.includes(caption)) continue;
      if (text.truncated) warnings.push(this.#cutWarning(name));
      warnings.push(...this.#unknownWords(caption));
    }
    this.#known = encoded;
    const order = [...encoded.keys()];
    return {
      tokens: [...encoded.values()].map(({ ids }) => ids),
      prompts: ofPrompts.map((caption) => order.indexOf(caption)),
      negative: order.indexOf(ofNegative),
      warnings,
    };
  }

  #unknownWords(caption: string): readonly string[] {
    const unknown = (this.#tokenizer.words?.unknownIn(caption) ?? []).filter((word) => !this.#told.has(word));
    if (unknown.length === 0) return [];
    for (const word of unknown) if (this.#told.size < MAX_TOLD) this.#told.add(word);
    const more = unknown.length > MAX_NAMED ? `, and ${unknown.length - MAX_NAMED} more words` : '';
    const named = unknown.slice(0, MAX_NAMED).map(shorten).join(', ');
    return [`the small text encoder does not know: ${named}${more}`];
  }

  #cutWarning(name: string): string {
    return `${name} is longer than ${this.#maxLength} tokens with its system prompt; the rest is cut off`;
  }
}

export function tokensTensor(ids: readonly number[]): NativeTensor {
  return { dtype: 'int64', shape: [ids.length], data: BigInt64Array.from(ids, BigInt) };
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}

/** From prompts to the token lists that the text encoder reads, each different caption once. */
import { MAX_CAPTION_TOKENS } from '../config/request.js';
import type { NativeTensor } from '../native/binding.js';
import { formatNegativePrompt, formatPrompt } from '../text/system-prompts.js';
import type { Tokenizer } from '../text/tokenizer.js';

export interface Captions {
  /** Unpadded ids with <bos>, at most 512 each. */
  readonly tokens: readonly (readonly number[])[];
  /** Index into `tokens` of each prompt. */
  readonly prompts: readonly number[];
  /** Index into `tokens` of the caption that guidance steers away from. */
  readonly negative: number;
  readonly warnings: readonly string[];
}

export function encodeCaptions(
  tokenizer: Tokenizer,
  request: {
    readonly prompts: readonly string[];
    readonly negativePrompt: string;
    readonly systemPrompt: string;
    /** Rows of the transformer's own position table. */
    readonly maxTokens?: number | undefined;
  },
): Captions {
  const maxLength = Math.min(MAX_CAPTION_TOKENS, request.maxTokens ?? MAX_CAPTION_TOKENS);
  const tokens: (readonly number[])[] = [];
  const indexByCaption = new Map<string, number>();
  const warnings: string[] = [];
  const add = (caption: string, name: string): number => {
    const known = indexByCaption.get(caption);
    if (known !== undefined) return known;
    const { ids, truncated } = tokenizer.encode(caption, { maxLength });
    if (truncated) {
      warnings.push(`${name} is longer than ${maxLength} tokens with its system prompt; the rest is cut off`);
    }
    indexByCaption.set(caption, tokens.length);
    return tokens.push(ids) - 1;
  };
  const { prompts, negativePrompt, systemPrompt } = request;
  return {
    prompts: prompts.map((prompt) =>
      add(formatPrompt(prompt, systemPrompt), `the prompt "${shorten(prompt)}"`),
    ),
    negative: add(formatNegativePrompt(negativePrompt, systemPrompt), 'the negative prompt'),
    tokens,
    warnings,
  };
}

export function tokensTensor(ids: readonly number[]): NativeTensor {
  return { dtype: 'int64', shape: [ids.length], data: BigInt64Array.from(ids, BigInt) };
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}

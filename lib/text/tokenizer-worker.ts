/** Runs in a worker thread: reads a large tokenizer.json and encodes and decodes with it, so that the main thread stays free. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, firstLine, SvgT2IError } from '../errors.js';
import {
  type DecodeOptions,
  type EncodedText,
  type EncodeOptions,
  loadTokenizer,
  type Tokenizer,
} from './tokenizer.js';

export type TokenizerQuestion =
  | { readonly kind: 'encode'; readonly texts: readonly string[]; readonly options: EncodeOptions }
  | { readonly kind: 'decode'; readonly ids: readonly number[]; readonly options: DecodeOptions };
export type TokenizerRequest = { readonly id: number } & TokenizerQuestion;

/** Of request `id`; -1 is the loading itself. */
export type TokenizerReply = { readonly id: number } & (
  | { readonly encoded: readonly EncodedText[] }
  | { readonly text: string }
  | { readonly loaded: true; readonly words: readonly string[] | undefined }
  | { readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }
);

function answer(tokenizer: Tokenizer, request: TokenizerRequest): TokenizerReply {
  const { id } = request;
  if (request.kind === 'decode') return { id, text: tokenizer.decode(request.ids, request.options) };
  return { id, encoded: request.texts.map((text) => tokenizer.encode(text, request.options)) };
}

function failureOf(id: number, error: unknown): TokenizerReply {
  const known = SvgT2IError.isInstance(error) ? error : undefined;
  return { id, code: known?.code ?? 'ERR_SVGT2I_INTERNAL', message: firstLine(error), hint: known?.hint };
}

async function serve(): Promise<void> {
  const { path } = workerData as { readonly path: string };
  let tokenizer: Tokenizer;
  try {
    tokenizer = await loadTokenizer(path);
  } catch (error) {
    parentPort?.postMessage(failureOf(-1, error));
    return;
  }
  parentPort?.on('message', (request: TokenizerRequest) => {
    let reply: TokenizerReply;
    try {
      reply = answer(tokenizer, request);
    } catch (error) {
      reply = failureOf(request.id, error);
    }
    parentPort?.postMessage(reply);
  });
  const words = tokenizer.words?.list;
  parentPort?.postMessage({ id: -1, loaded: true, words } satisfies TokenizerReply);
}

await serve();

/** A tokenizer in a worker thread, as the main thread sees it. */
import type { Worker } from 'node:worker_threads';
import { abortReason, throwIfAborted } from '../abort.js';
import { DisposedError, SvgT2IError } from '../errors.js';
import { startThread, threadEnded, threadError } from '../threads.js';
import type { DecodeOptions, EncodedText, EncodeOptions } from './tokenizer.js';
import type { TokenizerQuestion, TokenizerReply, TokenizerRequest } from './tokenizer-worker.js';
import { unanswered } from './unanswered.js';
import { WordVocabulary } from './word-vocabulary.js';

/** Who opens a tokenizer, and until when. */
export interface TokenizerUse {
  /** What messages call it once it was disposed, as the start of a sentence. */
  readonly owner?: string | undefined;
  /** Ends the opening. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiting {
  readonly resolve: (reply: TokenizerReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Where the thread's messages arrive. It must not lead to the tokenizer: what a worker holds could never be collected. */
interface Mailbox {
  readonly waiting: Map<number, Waiting>;
  /** Why nothing is answered any more. */
  failure?: () => SvgT2IError;
}

/** Of the loading itself. */
const LOADING = -1;

const NAME = 'the thread of the tokenizer';

/** Ends the threads of tokenizers that nobody disposed of. */
const forgotten = new FinalizationRegistry<Worker>((worker) => void worker.terminate());

export class TokenizerThread {
  readonly words: WordVocabulary | undefined;
  readonly #worker: Worker;
  readonly #mailbox: Mailbox;
  readonly #owner: string;
  #nextId = 0;

  private constructor(
    worker: Worker,
    mailbox: Mailbox,
    { words, owner }: { readonly words: readonly string[] | undefined; readonly owner: string },
  ) {
    this.words = words === undefined ? undefined : WordVocabulary.ofWords(words);
    this.#worker = worker;
    this.#mailbox = mailbox;
    this.#owner = owner;
    forgotten.register(this, worker, this);
  }

  /** @throws SvgT2IError as loadTokenizer(), or where the thread ends; the signal's reason */
  static async open(
    path: string,
    { owner = 'The tokenizer', signal }: TokenizerUse = {},
  ): Promise<TokenizerThread> {
    throwIfAborted(signal);
    const worker = startThread(new URL('./tokenizer-worker.js', import.meta.url), NAME, { path });
    const mailbox: Mailbox = { waiting: new Map() };
    deliver(worker, mailbox);
    let abort = () => {};
    try {
      const reply = await new Promise<TokenizerReply>((resolve, reject) => {
        mailbox.waiting.set(LOADING, { resolve, reject });
        abort = () => reject(signal === undefined ? undefined : abortReason(signal));
        signal?.addEventListener('abort', abort, { once: true });
      });
      if (!('loaded' in reply)) return unanswered();
      return new TokenizerThread(worker, mailbox, { words: reply.words, owner });
    } catch (error) {
      await worker.terminate();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<readonly EncodedText[]> {
    const reply = await this.#ask({ kind: 'encode', texts, options });
    return 'encoded' in reply ? reply.encoded : unanswered();
  }

  async decode(ids: readonly number[], options: DecodeOptions = {}): Promise<string> {
    const reply = await this.#ask({ kind: 'decode', ids, options });
    return 'text' in reply ? reply.text : unanswered();
  }

  async dispose(): Promise<void> {
    forgotten.unregister(this);
    fail(this.#mailbox, () => new DisposedError(this.#owner));
    await this.#worker.terminate();
  }

  #ask(question: TokenizerQuestion): Promise<TokenizerReply> {
    return new Promise((resolve, reject) => {
      const { failure, waiting } = this.#mailbox;
      if (failure !== undefined) throw failure();
      const id = this.#nextId++;
      waiting.set(id, { resolve, reject });
      // A busy thread keeps the process alive, an idle one does not.
      this.#worker.ref();
      this.#worker.postMessage({ id, ...question } satisfies TokenizerRequest);
    });
  }
}

function deliver(worker: Worker, mailbox: Mailbox): void {
  const { waiting } = mailbox;
  worker.on('message', (reply: TokenizerReply) => {
    const asked = waiting.get(reply.id);
    // What comes while the thread ends is not waited for; the end is, and the process must live until then.
    if (asked === undefined) return;
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ('code' in reply) asked.reject(new SvgT2IError(reply.code, reply.message, { hint: reply.hint }));
    else asked.resolve(reply);
  });
  worker.on('error', (error) => fail(mailbox, () => threadError(error, NAME)));
  worker.on('messageerror', (error) => {
    fail(mailbox, () => threadError(error, NAME));
    // Nobody asks it any more, and what it was asked kept the process alive.
    void worker.terminate();
  });
  worker.on('exit', (code) => fail(mailbox, () => threadEnded(code, NAME)));
}

/** Of what waits and of all that is asked later; the first reason stays. */
function fail(mailbox: Mailbox, failure: () => SvgT2IError): void {
  mailbox.failure ??= failure;
  for (const { reject } of mailbox.waiting.values()) reject(mailbox.failure());
  mailbox.waiting.clear();
}

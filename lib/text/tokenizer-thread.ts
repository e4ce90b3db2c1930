/** A tokenizer in a worker thread, as the main thread sees it. */
import { Worker } from 'node:worker_threads';
import { DisposedError, SvgT2IError } from '../errors.js';
import type { DecodeOptions, EncodedText, EncodeOptions } from './tokenizer.js';
import type { TokenizerQuestion, TokenizerReply, TokenizerRequest } from './tokenizer-worker.js';
import { WordVocabulary } from './word-vocabulary.js';

interface Waiting {
  readonly resolve: (reply: TokenizerReply) => void;
  readonly reject: (error: Error) => void;
}

/** Where the thread's messages arrive. It must not lead to the tokenizer: what a worker holds could never be collected. */
type Mailbox = Map<number, Waiting>;

/** Of the loading itself. */
const LOADING = -1;

/** Ends the threads of tokenizers that nobody disposed of. */
const forgotten = new FinalizationRegistry<Worker>((worker) => void worker.terminate());

export class TokenizerThread {
  readonly words: WordVocabulary | undefined;
  readonly #worker: Worker;
  readonly #mailbox: Mailbox;
  #nextId = 0;
  #hasEnded = false;

  private constructor(worker: Worker, mailbox: Mailbox, words: readonly string[] | undefined) {
    this.words = words === undefined ? undefined : WordVocabulary.ofWords(words);
    this.#worker = worker;
    this.#mailbox = mailbox;
    forgotten.register(this, worker, this);
  }

  /** @throws SvgT2IError as loadTokenizer() */
  static async open(path: string): Promise<TokenizerThread> {
    const worker = new Worker(new URL('./tokenizer-worker.js', import.meta.url), { workerData: { path } });
    const mailbox: Mailbox = new Map();
    deliver(worker, mailbox);
    try {
      const reply = await new Promise<TokenizerReply>((resolve, reject) => {
        mailbox.set(LOADING, { resolve, reject });
      });
      return new TokenizerThread(worker, mailbox, 'loaded' in reply ? reply.words : undefined);
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<readonly EncodedText[]> {
    const reply = await this.#ask({ kind: 'encode', texts, options });
    return 'encoded' in reply ? reply.encoded : [];
  }

  async decode(ids: readonly number[], options: DecodeOptions = {}): Promise<string> {
    const reply = await this.#ask({ kind: 'decode', ids, options });
    return 'text' in reply ? reply.text : '';
  }

  async dispose(): Promise<void> {
    this.#hasEnded = true;
    forgotten.unregister(this);
    rejectAll(this.#mailbox, new DisposedError('The tokenizer'));
    await this.#worker.terminate();
  }

  #ask(question: TokenizerQuestion): Promise<TokenizerReply> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) throw new DisposedError('The tokenizer');
      const id = this.#nextId++;
      this.#mailbox.set(id, { resolve, reject });
      // A busy thread keeps the process alive, an idle one does not.
      this.#worker.ref();
      this.#worker.postMessage({ id, ...question } satisfies TokenizerRequest);
    });
  }
}

function deliver(worker: Worker, mailbox: Mailbox): void {
  worker.on('message', (reply: TokenizerReply) => {
    const waiting = mailbox.get(reply.id);
    mailbox.delete(reply.id);
    if (mailbox.size === 0) worker.unref();
    if ('code' in reply) waiting?.reject(new SvgT2IError(reply.code, reply.message, { hint: reply.hint }));
    else waiting?.resolve(reply);
  });
  worker.on('error', (error) => rejectAll(mailbox, error));
  worker.on('exit', () => rejectAll(mailbox, new DisposedError('The tokenizer')));
}

function rejectAll(mailbox: Mailbox, error: Error): void {
  for (const { reject } of mailbox.values()) reject(error);
  mailbox.clear();
}

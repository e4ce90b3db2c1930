/** Worker threads that prepare pictures. */
import type { Worker } from 'node:worker_threads';
import { DisposedError, SvgT2IError } from '../errors.js';
import type { DecodedPicture } from '../image/decode.js';
import { type RgbImage, rgbImage } from '../image/rgb-image.js';
import { startThread, threadEnded, threadError } from '../threads.js';
import type { Size } from './buckets.js';
import type { PictureFit } from './fit-picture.js';
import type { PictureReading, WorkerReply, WorkerRequest } from './image-worker.js';

interface Waiting {
  readonly resolve: (picture: DecodedPicture) => void;
  readonly reject: (error: Error) => void;
}

interface PoolWorker {
  readonly thread: Worker;
  readonly waiting: Map<number, Waiting>;
  /** Why nothing is answered any more. */
  failure?: SvgT2IError;
}

const NAME = 'a thread that reads pictures';

/** A decoder refused a picture. */
class UndecodableReply extends SvgT2IError {}

/** A decoder refused a picture while others were decoded, whose reason it may have got. */
class DoubtfulError extends SvgT2IError {}

export class ImagePool {
  readonly #workers: readonly PoolWorker[];
  readonly #decode: PictureReading;
  #nextId = 0;
  #busy = 0;
  /** Told when nothing is being prepared. */
  #onIdle: (() => void)[] = [];
  /** Ends with the last picture that is tried again alone. */
  #alone: Promise<unknown> | undefined;
  #disposal: Promise<unknown> | undefined;

  constructor(workers: number, decode: PictureReading = {}) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `pictures cannot be loaded by ${workers} workers`);
    }
    this.#decode = decode;
    this.#workers = Array.from({ length: workers }, () => startWorker());
  }

  get size(): number {
    return this.#workers.length;
  }

  /** The picture of a file, cut to the bucket that suits it best, then mirrored; rejects with SvgT2IError. */
  async prepare(path: string, buckets: readonly Size[], flip = false): Promise<RgbImage> {
    return (await this.read(path, { kind: 'bucket', buckets, flip })).image;
  }

  /** The picture of a file, as `fit` says, and what the file was; rejects with SvgT2IError. */
  async read(path: string, fit: PictureFit): Promise<DecodedPicture> {
    const request = { path, fit, decode: this.#decode };
    while (this.#alone !== undefined) await this.#alone;
    try {
      return await this.#send(request);
    } catch (error) {
      if (!(error instanceof DoubtfulError)) throw error;
      return await this.#tryAlone(request);
    }
  }

  /** Once all others are done, and one after the other. */
  async #tryAlone(request: Omit<WorkerRequest, 'id'>): Promise<DecodedPicture> {
    const before = this.#alone ?? this.#idle();
    const own = before.then(() => this.#send(request));
    const settled = own.then(
      () => undefined,
      () => undefined,
    );
    this.#alone = settled;
    try {
      return await own;
    } finally {
      if (this.#alone === settled) this.#alone = undefined;
    }
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#busy === 0) resolve();
      else this.#onIdle.push(resolve);
    });
  }

  async #send(request: Omit<WorkerRequest, 'id'>): Promise<DecodedPicture> {
    const id = this.#nextId++;
    const beganAlone = this.#busy === 0;
    this.#busy++;
    try {
      return await this.#post({ id, ...request });
    } catch (error) {
      const wasAlone = beganAlone && this.#nextId === id + 1;
      if (wasAlone || !(error instanceof UndecodableReply)) throw error;
      throw new DoubtfulError(error.code, error.message);
    } finally {
      this.#busy--;
      if (this.#busy === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }

  #post(request: WorkerRequest): Promise<DecodedPicture> {
    return new Promise((resolve, reject) => {
      if (this.#disposal !== undefined) throw new DisposedError('The image pool');
      const [first, ...others] = this.#workers.filter(({ failure }) => failure === undefined);
      if (first === undefined) throw threadError(this.#workers[0]?.failure, NAME);
      const idlest = others.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a), first);
      idlest.waiting.set(request.id, { resolve, reject });
      // A busy thread keeps the process alive, an idle one does not.
      idlest.thread.ref();
      idlest.thread.postMessage(request);
    });
  }

  /** Ends the threads; what they still had to do is rejected. */
  async dispose(): Promise<void> {
    this.#disposal ??= Promise.all(this.#workers.map(endWorker));
    await this.#disposal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

function startWorker(): PoolWorker {
  const thread = startThread(new URL('./image-worker.js', import.meta.url), NAME);
  const worker: PoolWorker = { thread, waiting: new Map() };
  const { waiting } = worker;
  thread.on('message', (reply: WorkerReply) => {
    const pending = waiting.get(reply.id);
    // What comes while the thread ends is not waited for; the end is, and the process must live until then.
    if (pending === undefined) return;
    waiting.delete(reply.id);
    if (waiting.size === 0) thread.unref();
    if ('image' in reply) {
      const { width, height, data } = reply.image;
      pending.resolve({ image: rgbImage(width, height, data), facts: reply.facts });
    } else {
      const Failure = reply.isUndecodable ? UndecodableReply : SvgT2IError;
      pending.reject(new Failure(reply.code, reply.message));
    }
  });
  thread.on('error', (error) => fail(worker, threadError(error, NAME)));
  thread.on('exit', (code) => fail(worker, threadEnded(code, NAME)));
  thread.unref();
  return worker;
}

async function endWorker(worker: PoolWorker): Promise<void> {
  fail(worker, new DisposedError('The image pool'));
  await worker.thread.terminate();
}

/** Of what waits and of all that would be asked later; the first reason stays. */
function fail(worker: PoolWorker, failure: SvgT2IError): void {
  worker.failure ??= failure;
  for (const { reject } of worker.waiting.values()) reject(worker.failure);
  worker.waiting.clear();
}

/** Worker threads that prepare pictures. */
import { Worker } from 'node:worker_threads';
import { DisposedError, SvgT2IError } from '../errors.js';
import { type RgbImage, rgbImage } from '../image/rgb-image.js';
import type { Size } from './buckets.js';
import type { WorkerReply, WorkerRequest } from './image-worker.js';

interface Waiting {
  readonly resolve: (image: RgbImage) => void;
  readonly reject: (error: Error) => void;
}

interface PoolWorker {
  readonly thread: Worker;
  readonly waiting: Map<number, Waiting>;
  hasExited: boolean;
}

export class ImagePool {
  readonly #workers: readonly PoolWorker[];
  #nextId = 0;
  #disposal: Promise<unknown> | undefined;

  constructor(workers: number) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `pictures cannot be loaded by ${workers} workers`);
    }
    this.#workers = Array.from({ length: workers }, () => startWorker());
  }

  get size(): number {
    return this.#workers.length;
  }

  /** The picture of a file, cut to the bucket that suits it best, then mirrored; rejects with SvgT2IError. */
  prepare(path: string, buckets: readonly Size[], flip = false): Promise<RgbImage> {
    return new Promise((resolve, reject) => {
      const [first, ...others] = this.#workers.filter((worker) => !worker.hasExited);
      if (this.#disposal !== undefined || first === undefined) throw new DisposedError('The image pool');
      const idlest = others.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a), first);
      const request: WorkerRequest = { id: this.#nextId++, path, buckets, flip };
      idlest.waiting.set(request.id, { resolve, reject });
      // A busy thread keeps the process alive, an idle one does not.
      idlest.thread.ref();
      idlest.thread.postMessage(request);
    });
  }

  /** Ends the threads; what they still had to do is rejected. */
  async dispose(): Promise<void> {
    this.#disposal ??= Promise.all(this.#workers.map(({ thread }) => thread.terminate()));
    await this.#disposal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

function startWorker(): PoolWorker {
  const thread = new Worker(new URL('./image-worker.js', import.meta.url));
  const worker: PoolWorker = { thread, waiting: new Map(), hasExited: false };
  const { waiting } = worker;
  thread.on('message', (reply: WorkerReply) => {
    const pending = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) thread.unref();
    if ('data' in reply) pending?.resolve(rgbImage(reply.width, reply.height, reply.data));
    else pending?.reject(new SvgT2IError(reply.code, reply.message));
  });
  const rejectAll = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  thread.on('error', rejectAll);
  thread.on('exit', () => {
    worker.hasExited = true;
    rejectAll(new DisposedError('The image pool'));
  });
  thread.unref();
  return worker;
}

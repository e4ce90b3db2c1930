/** All jobs: lets requests in, has their pictures drawn in a fair order, and keeps what is done for a while. */
import { randomInt } from 'node:crypto';
import type { DrawRequest } from '../config/draw-request.js';
import type { ServeConfig } from '../config/serve.js';
import { DrawJob, type JobPlan } from './draw-job.js';
import { drawPicture, generateRequest } from './draw-picture.js';
import { ApiError, shuttingDown } from './errors.js';
import { FairQueue } from './fair-queue.js';
import type { Job } from './job.js';
import { KeptJobs } from './kept-jobs.js';
import { checkBodyLimits, checkDrawLimits } from './limits.js';
import type { Metrics } from './metrics.js';
import type { ModelSet, ServedModel } from './models.js';
import { Pace } from './pace.js';
import { previewEvery } from './preview.js';

/** Room for n pictures' seeds below 2^53, and short enough to be read out. */
const MAX_RANDOM_SEED = 2 ** 32;

/** Who asks. */
export interface Asker {
  readonly client: string;
}

/** One model's pictures: those of several models do not share an engine. */
interface Line {
  readonly queue: FairQueue<DrawJob>;
  readonly pace: Pace;
}

export class JobStore {
  readonly #settings: ServeConfig;
  readonly #models: ModelSet;
  readonly #metrics: Metrics;
  readonly #lines = new Map<string, Line>();
  /** Jobs that have not ended. */
  readonly #open = new Map<string, DrawJob>();
  readonly #kept: KeptJobs<DrawJob>;
  #draining = false;
  #onIdle: (() => void)[] = [];

  constructor(settings: ServeConfig, models: ModelSet, metrics: Metrics) {
    this.#settings = settings;
    this.#models = models;
    this.#metrics = metrics;
    this.#kept = new KeptJobs({ seconds: settings.keepSeconds, bytes: settings.keepBytes });
    metrics.watch({
      queuedJobs: () => this.#queued().length,
      runningPictures: () => this.#sum(({ queue }) => queue.running),
      batchTokens: () => this.#sum(({ queue }) => queue.tokens),
      keptBytes: () => this.#kept.bytes,
    });
  }

  /** Whether it lets nothing in any more. */
  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Puts a request in line.
   *
   * @throws ApiError 400 for what the model or the operator does not allow, 404 for a model that is not served, 429 where
   *   too many wait, 503 where the model is not loaded or the server stops; SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT of the
   *   model's own checks
   */
  submit(request: DrawRequest, { client }: Asker): Job {
    try {
      return this.#submit(request, client);
    } catch (error) {
      this.#metrics.refused(error);
      throw error;
    }
  }

  #submit(request: DrawRequest, client: string): Job {
    if (this.#draining) throw shuttingDown();
    const model = this.#models.resolve(request.model);
    const { drawer } = model;
    checkBodyLimits(request, this.#settings);
    const meant = forModel(request, model);
    const seed = meant.seed ?? randomInt(MAX_RANDOM_SEED);
    const checked = drawer.check(generateRequest({ request: meant, seed }));
    checkDrawLimits(checked, this.#settings);
    const { width, height } = checked;
    const line = this.#lineOf(model);
    this.#checkRoom(line, model.tokensOf(checked));
    const every = previewEvery(meant, checked);
    const plan = { request: meant, model: model.name, client, seed, width, height, previewEvery: every };
    return this.#enqueue(plan, model, line);
  }

  #enqueue(plan: JobPlan, model: ServedModel, line: Line): Job {
    const job = new DrawJob(plan, (ended) => this.#ended(ended, line));
    this.#open.set(job.id, job);
    const { width, height, client } = plan;
    const times = this.#metrics.picturesOf(model.name, width * height);
    if (line.queue.running === 0) line.pace.resume(now());
    const tasks = Array.from({ length: plan.request.n }, (_, index) => ({
      owner: job,
      client,
      tokens: model.tokensOf({ width, height }),
      run: () =>
        drawPicture(job, index, model.drawer, {
          step: times.step,
          picture: (seconds) => {
            line.pace.finished(now());
            times.picture(seconds);
          },
        }),
    }));
    line.queue.add(tasks);
    return job;
  }

  /** One that is open or kept; undefined for all others. */
  find(id: string): DrawJob | undefined {
    return this.#open.get(id) ?? this.#kept.find(id);
  }

  /** Those of a client, the newest first. */
  list(client: string): readonly DrawJob[] {
    return [...this.#kept.all(), ...this.#open.values()]
      .filter((job) => job.client === client)
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  }

  /**
   * Lets nothing in any more: waiting jobs fail with 503, running pictures may finish until `signal` is aborted, then they
   * are cancelled. Resolves when the engines are idle.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    for (const { queue } of this.#lines.values()) queue.close();
    for (const job of this.#queued()) job.fail(shuttingDown());
    const waiting = new Set(
      [...this.#lines.values()].flatMap(({ queue }) => [...queue.inOrder()].map(({ owner }) => owner)),
    );
    const cancelAll = () => {
      for (const job of [...this.#open.values()]) job.fail(shuttingDown());
    };
    signal.addEventListener('abort', cancelAll, { once: true });
    if (signal.aborted) cancelAll();
    await this.#idle();
    // Jobs of several pictures, of which some had not begun.
    for (const job of waiting) job.fail(shuttingDown());
    signal.removeEventListener('abort', cancelAll);
  }

  /** Lets go of what is kept. */
  close(): void {
    this.#kept.clear();
  }

  #lineOf({ name }: ServedModel): Line {
    const known = this.#lines.get(name);
    if (known !== undefined) return known;
    const { maxBatchTokens: maxTokens, maxBatch: maxTasks } = this.#settings;
    const line: Line = {
      queue: new FairQueue({ maxTokens, maxTasks }, () => this.#changed(line.queue)),
      pace: new Pace(now()),
    };
    this.#lines.set(name, line);
    return line;
  }

  #checkRoom({ queue, pace }: Line, tokens: number): void {
    const waiting = this.#queued().length;
    const { maxQueue } = this.#settings;
    if (waiting < maxQueue || queue.hasRoomFor(tokens)) return;
    const seconds = pace.promise(now(), waiting === 0 ? 1 : queue.waiting / waiting);
    throw new ApiError(
      429,
      'queue_full',
      maxQueue === 0
        ? 'the server draws all that it can at a time'
        : `${waiting} requests wait already, and no more may`,
      { retryAfterSeconds: seconds },
    );
  }

  /** Tells jobs their places in line. */
  #changed(queue: FairQueue<DrawJob>): void {
    const places = new Set<DrawJob>();
    for (const { owner } of queue.inOrder()) {
      if (owner.status !== 'queued' || places.has(owner)) continue;
      places.add(owner);
      owner.moveTo(places.size);
    }
    if (this.#sum(({ queue: each }) => each.running) > 0) return;
    for (const idle of this.#onIdle.splice(0)) idle();
  }

  #ended(job: DrawJob, line: Line): void {
    this.#open.delete(job.id);
    this.#kept.add(job);
    this.#metrics.jobEnded(job.status);
    line.queue.remove(job);
  }

  async #idle(): Promise<void> {
    if (this.#sum(({ queue }) => queue.running) === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #queued(): readonly DrawJob[] {
    return [...this.#open.values()].filter(({ status }) => status === 'queued');
  }

  #sum(count: (line: Line) => number): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + count(line), 0);
  }
}

/** A model of classes is asked for by its class: programs that can only send a prompt name it there. */
function forModel(request: DrawRequest, { condition }: ServedModel): DrawRequest {
  const { class: ofClass, prompt } = request;
  if (condition !== 'class' || ofClass !== undefined || prompt === undefined) return request;
  return { ...request, prompt: undefined, class: prompt };
}

/** In seconds, from any one zero. */
function now(): number {
  return performance.now() / 1000;
}

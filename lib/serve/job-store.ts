/** All jobs: lets requests in, has their pictures drawn in a fair order, and keeps what is done for a while. */
import { randomInt } from 'node:crypto';
import type { DrawRequest } from '../config/draw-request.js';
import type { ServeConfig } from '../config/serve.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { DrawJob, type JobPlan } from './draw-job.js';
import { drawPicture, generateRequest } from './draw-picture.js';
import { ApiError, shuttingDown } from './errors.js';
import { FairQueue } from './fair-queue.js';
import type { Job } from './job.js';
import { KeptJobs } from './kept-jobs.js';
import { checkBodyLimits, checkDrawLimits, withinLimits } from './limits.js';
import { createLog, type Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { CheckedDraw, Drawer, ModelSet, ServedModel } from './models.js';
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
  readonly #log: Log;
  readonly #lines = new Map<string, Line>();
  /** Jobs that have not ended. */
  readonly #open = new Map<string, DrawJob>();
  readonly #kept: KeptJobs<DrawJob>;
  #draining = false;
  #onIdle: (() => void)[] = [];

  constructor(settings: ServeConfig, models: ModelSet, metrics: Metrics, log: Log = createLog('off')) {
    this.#log = log;
    this.#settings = settings;
    this.#models = models;
    this.#metrics = metrics;
    this.#kept = new KeptJobs({ seconds: settings.keepSeconds, bytes: settings.keepBytes });
    metrics.watch({
      queuedJobs: () => this.#queuedIn().length,
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
    if (this.#draining) throw shuttingDown();
    const model = this.#models.resolve(request.model);
    const { drawer } = model;
    checkBodyLimits(request, this.#settings);
    const meant = withinLimits(forModel(request, model), model, this.#settings);
    const seed = meant.seed ?? randomInt(MAX_RANDOM_SEED);
    const checked = checkDrawable(drawer, meant, seed);
    checkDrawLimits(checked, this.#settings);
    const { width, height } = checked;
    const line = this.#lineOf(model);
    this.#checkRoom(line, model.name, client, model.tokensOf(checked));
    const every = previewEvery(meant, checked);
    const { maxSteps } = this.#settings;
    const own = { width, height, previewEvery: every, maxSteps };
    const plan = { request: meant, model: model.name, client, seed, ...own };
    return this.#enqueue(plan, model, line);
  }

  #enqueue(plan: JobPlan, model: ServedModel, line: Line): Job {
    const job = new DrawJob(plan, (ended) => this.#ended(ended, line));
    this.#open.set(job.id, job);
    const { width, height, client } = plan;
    const times = this.#metrics.picturesOf(model.name, width * height);
    line.pace.resume(now());
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
   * Lets nothing in any more: jobs that wait, or of which a picture does, fail with 503; others may finish until `signal` is aborted, then they
   * are cancelled. Resolves when the engines are idle.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    for (const { queue } of this.#lines.values()) {
      queue.close();
      // Also those of which some pictures are drawn and others wait: they can never be whole.
      for (const { owner } of [...queue.inOrder()]) owner.fail(shuttingDown());
    }
    const cancelAll = () => {
      for (const job of [...this.#open.values()]) job.fail(shuttingDown());
    };
    signal.addEventListener('abort', cancelAll, { once: true });
    if (signal.aborted) cancelAll();
    await this.#idle();
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
      queue: new FairQueue({ maxTokens, maxTasks }, () => this.#changed(line)),
      pace: new Pace(),
    };
    this.#lines.set(name, line);
    return line;
  }

  /** Whoever has nothing in line is let in above the limit, up to twice as many: one caller does not lock out all others. */
  #checkRoom({ queue, pace }: Line, model: string, client: string, tokens: number): void {
    const queued = this.#queuedIn(model);
    const waiting = queued.length;
    const { maxQueue } = this.#settings;
    const isNew = !queued.some((job) => job.client === client);
    if (waiting < (isNew ? 2 : 1) * maxQueue || queue.hasRoomFor(tokens)) return;
    const seconds = pace.promise(now(), waiting, waiting === 0 ? 1 : queue.waiting / waiting);
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
  #changed({ queue, pace }: Line): void {
    const places = new Set<DrawJob>();
    for (const { owner } of queue.inOrder()) {
      if (owner.status !== 'queued' || places.has(owner)) continue;
      places.add(owner);
      owner.moveTo(places.size);
    }
    if (queue.running === 0) pace.pause(now());
    if (this.#sum(({ queue: each }) => each.running) > 0) return;
    for (const idle of this.#onIdle.splice(0)) idle();
  }

  #ended(job: DrawJob, line: Line): void {
    this.#open.delete(job.id);
    this.#kept.add(job);
    this.#metrics.jobEnded(job.status);
    this.#logFailure(job);
    line.queue.remove(job);
  }

  /** What a caller is told of it may be little; a server that stops is no failure. */
  #logFailure({ id, client, model, error }: DrawJob): void {
    if (error === undefined || error.status === 503) return;
    const fields = { job: id, client, model, code: error.code };
    if (error.status < 500) this.#log.warn(fields, `a job failed: ${error.message}`);
    else this.#log.error({ ...fields, err: error.cause }, `a job failed: ${firstLine(error.cause)}`);
  }

  async #idle(): Promise<void> {
    if (this.#sum(({ queue }) => queue.running) === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Jobs that wait, of one model or of all. */
  #queuedIn(model?: string): readonly DrawJob[] {
    const isOf = (job: DrawJob) => model === undefined || job.model === model;
    return [...this.#open.values()].filter((job) => job.status === 'queued' && isOf(job));
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

/** @throws as the model's own check */
function checkDrawable(drawer: Drawer, request: DrawRequest, seed: number): CheckedDraw {
  try {
    return drawer.check(generateRequest({ request, seed }));
  } catch (error) {
    const isWriting = request.settings.systemPrompt === 'enhance';
    if (!isWriting || !SvgT2IError.isInstance(error) || error.code !== 'ERR_SVGT2I_WEIGHTS_MISMATCH')
      throw error;
    const message = "system_prompt: this model's text encoder writes no prompts, so it cannot enhance one";
    throw new ApiError(400, 'invalid_value', message, { param: 'system_prompt', cause: error });
  }
}

/** In seconds, from any one zero. */
function now(): number {
  return performance.now() / 1000;
}

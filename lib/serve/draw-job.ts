/** A job from its queue to its end: counts what its pictures tell, and settles once. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { DrawRequest } from '../config/draw-request.js';
import type { Timings } from '../pipeline/types.js';
import { type ApiError, apiErrorOf } from './errors.js';
import { EventLog } from './event-log.js';
import type { Job, JobEnd, JobEvent, JobNews, JobPicture, JobStatus } from './job.js';

/** A request whose model is known and has found nothing wrong with it. */
export interface JobPlan {
  readonly request: DrawRequest;
  /** Name of the model. */
  readonly model: string;
  readonly client: string;
  /** Of its first picture; the others count on. */
  readonly seed: number;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Steps from one preview to the next; 0: none. */
  readonly previewEvery: number;
  /** Of a solver that chooses its steps, more than this are none of a picture. */
  readonly maxSteps: number;
}

/** Of a job without its pictures and texts, about. */
const OWN_BYTES = 4096;

export class DrawJob implements Job {
  /** A secret too: whoever knows it may look at its pictures. */
  readonly id = `job_${randomBytes(16).toString('hex')}`;
  readonly createdAt = new Date();
  readonly plan: JobPlan;
  readonly finished: Promise<void>;
  readonly #log = new EventLog();
  readonly #controller = new AbortController();
  readonly #pictures: JobPicture[] = [];
  /** Steps that each picture has done. */
  readonly #steps = new Map<number, number>();
  readonly #start = performance.now();
  readonly #seconds = { encode: 0, sample: 0, decode: 0 };
  readonly #onEnd: (job: DrawJob) => void;
  #status: JobStatus = 'queued';
  #place: number | undefined;
  #progress: Job['progress'] = { step: 0, steps: 0, etaSeconds: null };
  #firstPicture: number | undefined;
  #firstStep: { readonly done: number; readonly time: number } | undefined;
  #error: ApiError | undefined;
  #settle: () => void = () => undefined;

  /** `onEnd` is called once, at its end. */
  constructor(plan: JobPlan, onEnd: (job: DrawJob) => void) {
    this.plan = plan;
    this.#onEnd = onEnd;
    // Each of its pictures listens.
    setMaxListeners(0, this.#controller.signal);
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get status(): JobStatus {
    return this.#status;
  }

  get model(): string {
    return this.plan.model;
  }

  get request(): DrawRequest {
    return this.plan.request;
  }

  get width(): number {
    return this.plan.width;
  }

  get height(): number {
    return this.plan.height;
  }

  get client(): string {
    return this.plan.client;
  }

  get place(): number | undefined {
    return this.#status === 'queued' ? this.#place : undefined;
  }

  get progress(): Job['progress'] {
    return this.#progress;
  }

  get pictures(): readonly JobPicture[] {
    return this.#pictures;
  }

  get error(): ApiError | undefined {
    return this.#error;
  }

  /** Aborted at its end, which so ends what is left of its pictures. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get lastEventId(): number {
    return this.#log.lastId;
  }

  get ended(): boolean {
    return this.#log.ended;
  }

  /** Bytes that it takes, about. */
  get bytes(): number {
    const { prompt = '', settings } = this.request;
    const { negativePrompt = '', systemPrompt = '' } = settings;
    const characters = prompt.length + negativePrompt.length + systemPrompt.length;
    return this.#pictures.reduce((sum, { bytes }) => sum + bytes.byteLength, OWN_BYTES + 2 * characters);
  }

  events(after = 0, signal?: AbortSignal): AsyncIterable<JobEvent> {
    return this.#log.after(after, signal);
  }

  cancel(): void {
    this.#end('cancelled', { type: 'cancelled' });
  }

  /** Ends it with what a picture of it threw. */
  fail(thrown: unknown): void {
    if (this.ended) return;
    this.#error = apiErrorOf(thrown);
    this.#end('failed', { type: 'failed', error: this.#error });
  }

  moveTo(place: number): void {
    if (this.#status !== 'queued' || place === this.#place) return;
    this.#place = place;
    this.#log.push({ type: 'queued', place });
  }

  /** One of its pictures begins. */
  begin(): void {
    if (this.#status !== 'queued') return;
    this.#status = 'running';
    this.#firstPicture = performance.now();
    this.#log.push({ type: 'encode' });
  }

  /** A picture has done so many of its steps; 0 of 0 where its solver chooses them. */
  step(index: number, step: number, steps: number): void {
    if (this.ended) return;
    this.#steps.set(index, step);
    const done = [...this.#steps.values()].reduce((sum, each) => sum + each, 0);
    const all = steps * this.request.n;
    const eta = all === 0 ? null : this.#secondsLeft(done, all);
    this.#progress = { step: done, steps: all, etaSeconds: eta };
    this.tell({ type: 'step', step: done, steps: all, eta_seconds: eta === null ? null : round(eta) });
  }

  /** From the first step on: before it the prompt was read and other pictures let this one in. */
  #secondsLeft(done: number, all: number): number | null {
    this.#firstStep ??= { done, time: performance.now() };
    const steps = done - this.#firstStep.done;
    if (done >= all) return 0;
    return steps === 0 ? null : (secondsSince(this.#firstStep.time) * (all - done)) / steps;
  }

  /** A warning or a preview. */
  tell(news: JobNews): void {
    this.#log.push(news);
  }

  /** A picture is done; with the last one the job is. */
  picture(picture: JobPicture, { encode, sample, decode }: Timings): void {
    if (this.ended) return;
    this.#seconds.encode += encode;
    this.#seconds.sample += sample;
    this.#seconds.decode += decode;
    this.#pictures.push(picture);
    this.#pictures.sort((a, b) => a.index - b.index);
    this.#log.push({ type: 'image', picture });
    if (this.#pictures.length < this.request.n) return;
    const { encode: texts, sample: steps, decode: pixels } = this.#seconds;
    const drawing = secondsSince(this.#firstPicture);
    const queued = secondsSince(this.#start) - drawing;
    const seconds = { queued, drawing, encode: texts, sample: steps, decode: pixels };
    this.#end('done', { type: 'done', seconds });
  }

  #end(status: JobStatus, end: JobEnd): void {
    if (this.ended) return;
    this.#status = status;
    this.#log.push(end);
    this.#controller.abort();
    this.#onEnd(this);
    this.#settle();
  }
}

function secondsSince(time: number | undefined): number {
  return time === undefined ? 0 : (performance.now() - time) / 1000;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

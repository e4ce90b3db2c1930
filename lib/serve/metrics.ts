/** What Prometheus is told: the queue, the batch, how long steps and pictures take, who was refused, memory. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { JobStatus } from './job.js';

const STEP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const PICTURE_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const DELAY_RESOLUTION_MS = 10;

/** Any size may be asked for: a label each would grow without end. */
const SIDES = [64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 4096];

/** The side of the smallest square of the list that holds as many pixels. */
export function sizeClass(pixels: number): string {
  const side = SIDES.find((each) => each * each >= pixels);
  return side === undefined ? 'larger' : `${side}`;
}

/** What is asked when somebody looks. */
export interface Gauges {
  readonly queuedJobs: () => number;
  readonly runningPictures: () => number;
  readonly batchTokens: () => number;
  readonly keptBytes: () => number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #jobs = this.#counter('svgt2i_jobs_total', 'jobs that have ended', ['status']);
  readonly #refused = this.#counter('svgt2i_refused_total', 'requests for pictures that were refused', [
    'code',
  ]);
  readonly #dropped = this.#counter('svgt2i_dropped_total', 'connections dropped since they stood still', []);
  readonly #requests = this.#histogram(
    'svgt2i_request_seconds',
    'requests, to their last byte',
    REQUEST_BUCKETS,
    ['method', 'route', 'status'],
  );
  readonly #steps = this.#histogram('svgt2i_step_seconds', 'solver steps of a picture', STEP_BUCKETS, [
    'model',
    'size',
  ]);
  readonly #pictures = this.#histogram('svgt2i_picture_seconds', 'pictures, to their end', PICTURE_BUCKETS, [
    'model',
    'size',
  ]);

  constructor() {
    this.#delay.enable();
    this.#gauge('svgt2i_resident_bytes', 'memory of the process', () => process.memoryUsage.rss());
    this.#gauge('svgt2i_heap_bytes', 'memory of JavaScript', () => process.memoryUsage().heapUsed);
    this.#gauge('svgt2i_event_loop_p99_seconds', 'how late the event loop is, since the last look', () => {
      // What it measures holds its own pauses.
      const seconds = this.#delay.percentile(99) / 1e9 - DELAY_RESOLUTION_MS / 1000;
      this.#delay.reset();
      return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
    });
  }

  watch({ queuedJobs, runningPictures, batchTokens, keptBytes }: Gauges): void {
    this.#gauge('svgt2i_queued_jobs', 'jobs that wait', queuedJobs);
    this.#gauge('svgt2i_batch_pictures', 'pictures that are drawn together', runningPictures);
    this.#gauge('svgt2i_batch_tokens', 'image tokens that are drawn together', batchTokens);
    this.#gauge('svgt2i_kept_bytes', 'pictures of finished jobs', keptBytes);
  }

  jobEnded(status: JobStatus): void {
    this.#jobs.inc({ status });
  }

  refused(code: string): void {
    this.#refused.inc({ code });
  }

  dropped(): void {
    this.#dropped.inc();
  }

  request(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status: `${status}` }, seconds);
  }

  /** Of a model's pictures with so many pixels. */
  picturesOf(model: string, pixels: number) {
    const labels = { model, size: sizeClass(pixels) };
    return {
      step: (seconds: number) => this.#steps.observe(labels, seconds),
      picture: (seconds: number) => this.#pictures.observe(labels, seconds),
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#delay.disable();
    this.#registry.clear();
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]) {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly Label[],
  ) {
    return new Histogram({ name, help, buckets: [...buckets], labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, value: () => number) {
    return new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value());
      },
    });
  }
}

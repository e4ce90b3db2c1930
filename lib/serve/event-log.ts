/** The events of a job: numbered, thinned out, and read by any number of listeners, each at its own pace. */
import type { JobEnd, JobEvent, JobNews } from './job.js';

const ENDS: ReadonlySet<JobNews['type']> = new Set<JobEnd['type']>(['done', 'failed', 'cancelled']);

/** Whether news say nothing any more once the later ones are told: of progress only the last is kept. */
function isOutdated(old: JobNews, later: JobNews): boolean {
  switch (old.type) {
    case 'queued':
    case 'step':
      return later.type === old.type;
    case 'preview':
      if (later.type === 'preview') return later.index === old.index;
      return later.type === 'image' ? later.picture.index === old.index : ENDS.has(later.type);
    default:
      return false;
  }
}

export class EventLog {
  #events: JobEvent[] = [];
  #lastId = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /** Whether its last event is there. */
  get ended(): boolean {
    return this.#ended;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** After the end nothing is told any more. */
  push(news: JobNews): void {
    if (this.#ended) return;
    this.#events = this.#events.filter((event) => !isOutdated(event, news));
    this.#lastId++;
    this.#events.push({ ...news, id: this.#lastId });
    this.#ended = ENDS.has(news.type);
    for (const wake of this.#waiting) wake();
  }

  /** Events behind number `last`, until the job ends or `signal` is aborted. */
  async *after(last: number, signal?: AbortSignal): AsyncGenerator<JobEvent, void> {
    let seen = last;
    while (signal?.aborted !== true) {
      const next = this.#events.find(({ id }) => id > seen);
      if (next !== undefined) {
        seen = next.id;
        yield next;
      } else if (this.#ended) return;
      else await this.#change(signal);
    }
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}

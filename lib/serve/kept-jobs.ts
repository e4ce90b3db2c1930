/** Jobs that have ended, kept for those who come back for them: for some time, and up to some bytes. */

export interface KeptJob {
  readonly id: string;
  readonly bytes: number;
}

export class KeptJobs<Job extends KeptJob> {
  readonly #seconds: number;
  readonly #maxBytes: number;
  /** The oldest first. */
  readonly #jobs = new Map<string, { readonly job: Job; readonly timer: NodeJS.Timeout }>();
  #bytes = 0;

  constructor({ seconds, bytes }: { readonly seconds: number; readonly bytes: number }) {
    this.#seconds = seconds;
    this.#maxBytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of jobs that are too large together, the oldest go; the newest stays, whatever its size: its caller may be reading. */
  add(job: Job): void {
    // Unref: it holds up no process that ends.
    const timer = setTimeout(() => this.#drop(job.id), this.#seconds * 1000).unref();
    this.#jobs.set(job.id, { job, timer });
    this.#bytes += job.bytes;
    while (this.#bytes > this.#maxBytes && this.#jobs.size > 1) {
      const [oldest] = this.#jobs.keys();
      if (oldest !== undefined) this.#drop(oldest);
    }
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id)?.job;
  }

  all(): readonly Job[] {
    return [...this.#jobs.values()].map(({ job }) => job);
  }

  clear(): void {
    for (const id of [...this.#jobs.keys()]) this.#drop(id);
  }

  #drop(id: string): void {
    const kept = this.#jobs.get(id);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.#jobs.delete(id);
    this.#bytes -= kept.job.bytes;
  }
}

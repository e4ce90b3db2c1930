/** What A1111's API remembers between requests, kept for each client: the chosen model and what is being drawn. */
import type { Job } from '../job.js';

/** Clients that are remembered; the one that was heard of longest ago goes first. */
const MAX_CLIENTS = 1000;

interface Session {
  /** Name of the model of /options. */
  model?: string;
  readonly jobs: Set<Job>;
}

/** The sessions of all clients. */
export class A1111Sessions {
  readonly #byClient = new Map<string, Session>();

  /** The model that a client chose; undefined where it did not. */
  modelOf(client: string): string | undefined {
    return this.#byClient.get(client)?.model;
  }

  /** Remembers the model of the client's next pictures. */
  choose(client: string, model: string): void {
    this.#session(client).model = model;
  }

  /** Counts a job as drawn until it is finished. */
  follow(client: string, job: Job): void {
    const { jobs } = this.#session(client);
    jobs.add(job);
    void job.finished.then(() => jobs.delete(job));
  }

  /** What is being drawn for a client, oldest first. */
  jobsOf(client: string): readonly Job[] {
    return [...(this.#byClient.get(client)?.jobs ?? [])];
  }

  #session(client: string): Session {
    const session = this.#byClient.get(client) ?? { jobs: new Set<Job>() };
    // Last in the map is the one that was heard of last.
    this.#byClient.delete(client);
    this.#byClient.set(client, session);
    if (this.#byClient.size > MAX_CLIENTS) this.#forgetOne();
    return session;
  }

  #forgetOne(): void {
    for (const [client, { jobs }] of this.#byClient) {
      if (jobs.size > 0) continue;
      this.#byClient.delete(client);
      return;
    }
  }
}

/** What a client that draws nothing is told. */
const IDLE = { progress: { step: 0, steps: 0, etaSeconds: null } } as const;

/** What /sdapi/v1/progress answers: how far the oldest of a client's jobs is. */
export function progressAnswer(jobs: readonly Job[]): object {
  const { step, steps, etaSeconds } = (jobs[0] ?? IDLE).progress;
  const done = steps === 0 ? 0 : step / steps;
  return {
    // Above 0 from the start: clients take 0 for a server that draws nothing.
    progress: jobs.length === 0 ? 0 : Math.max(0.01, done),
    eta_relative: etaSeconds ?? 0,
    state: {
      skipped: false,
      interrupted: false,
      stopping_generation: false,
      job: jobs.length === 0 ? '' : 'txt2img',
      job_count: jobs.length,
      job_no: 0,
      job_timestamp: '0',
      sampling_step: step,
      sampling_steps: steps,
    },
    current_image: null,
    textinfo: null,
  };
}

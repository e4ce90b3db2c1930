/** One job of `svg-t2i serve`, followed by its events until its pictures are there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isAbortError } from '../errors.js';
import { ApiCallError } from './api-call-error.js';
import { serverEvents } from './event-stream.js';
import { type ServerAccess, send } from './server-api.js';

/** A connection may break so often in a row without an event between. */
const TRIES = 5;
const FIRST_PAUSE_MILLISECONDS = 250;

const jobSchema = z.looseObject({ id: z.string().min(1), model: z.string().optional() });
const eventSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('image'), index: z.number().int().min(0), b64_json: z.string() }),
  z.looseObject({ type: z.literal('warning'), message: z.string() }),
  z.looseObject({
    type: z.literal('failed'),
    error: z.looseObject({ message: z.string(), code: z.string().nullish() }),
  }),
  z.looseObject({ type: z.literal('cancelled') }),
  z.looseObject({ type: z.literal('done') }),
]);
type JobEvent = z.output<typeof eventSchema>;

export interface FinishedJob {
  /** Files in the order of their numbers. */
  readonly files: readonly Uint8Array[];
  readonly warnings: readonly string[];
  /** As the server calls it. */
  readonly model: string | undefined;
  readonly headers: Record<string, string>;
}

export interface JobCall {
  readonly body: object;
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Draws; a job whose caller has gone away is cancelled. Throws ApiCallError, or the signal's reason. */
export async function runJob(access: ServerAccess, call: JobCall): Promise<FinishedJob> {
  const { body, headers, signal } = call;
  const answer = await send(access, { method: 'POST', path: '/v1/jobs', body, headers, signal });
  const job = jobSchema.parse(await answer.json());
  const follower = new JobFollower(access, job.id, call);
  try {
    await follower.follow();
  } catch (error) {
    if (signal?.aborted === true || isAbortError(error)) await follower.cancel();
    throw error;
  }
  const { files, warnings } = follower;
  return { files, warnings, model: job.model, headers: Object.fromEntries(answer.headers) };
}

class JobFollower {
  readonly warnings: string[] = [];
  readonly #access: ServerAccess;
  readonly #path: string;
  readonly #call: JobCall;
  readonly #files = new Map<number, Uint8Array>();
  #lastEventId: string | undefined;

  constructor(access: ServerAccess, id: string, call: JobCall) {
    this.#access = access;
    this.#path = `/v1/jobs/${encodeURIComponent(id)}`;
    this.#call = call;
  }

  get files(): readonly Uint8Array[] {
    return [...this.#files].sort(([a], [b]) => a - b).map(([, file]) => file);
  }

  /** Comes back where the connection breaks, and goes on behind the last event. */
  async follow(): Promise<void> {
    const { signal } = this.#call;
    for (let left = TRIES; ; ) {
      const before = this.#lastEventId;
      const failure = await this.#listen();
      if (failure === undefined) return;
      left = this.#lastEventId === before ? left - 1 : TRIES;
      if (left === 0) throw failure;
      await sleep(FIRST_PAUSE_MILLISECONDS * 2 ** (TRIES - left), undefined, { signal });
    }
  }

  /** Undefined once the job is done; else why the events ended before. */
  async #listen(): Promise<ApiCallError | undefined> {
    const { headers, signal } = this.#call;
    const last = this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId };
    const path = `${this.#path}/events`;
    let answer: Response;
    try {
      answer = await send(this.#access, { method: 'GET', path, headers: { ...headers, ...last }, signal });
    } catch (error) {
      if (error instanceof ApiCallError && error.isRetryable) return error;
      throw error;
    }
    if (answer.body === null) return this.#failure('the server sent no events', true);
    try {
      for await (const { id, data } of serverEvents(answer.body)) {
        this.#lastEventId = id ?? this.#lastEventId;
        const event = eventSchema.safeParse(JSON.parse(data)).data;
        if (event !== undefined && this.#takes(event)) return undefined;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ApiCallError) throw error;
      return this.#failure('the connection to the server broke', true, error);
    }
    return this.#failure('the events of the job ended before its pictures were there', true);
  }

  /** True for the last one. */
  #takes(event: JobEvent): boolean {
    switch (event.type) {
      case 'image':
        this.#files.set(event.index, new Uint8Array(Buffer.from(event.b64_json, 'base64')));
        return false;
      case 'warning':
        this.warnings.push(event.message);
        return false;
      case 'failed':
        throw this.#failure(event.error.message, false, undefined, { error: event.error });
      case 'cancelled':
        throw this.#failure('the job was cancelled on the server', false);
      case 'done':
        return true;
    }
  }

  #failure(message: string, isRetryable: boolean, cause?: unknown, data?: unknown): ApiCallError {
    const url = this.#access.baseURL + this.#path;
    return new ApiCallError(message, { url, requestBodyValues: this.#call.body, cause, data, isRetryable });
  }

  /** Nobody waits for the answer of a server that is gone. */
  async cancel(): Promise<void> {
    const { headers } = this.#call;
    await send(this.#access, {
      method: 'DELETE',
      path: this.#path,
      headers,
      signal: AbortSignal.timeout(2_000),
    }).catch(() => undefined);
  }
}

/** A job's events to its end, over every break of the connection: each event comes once. */
import { RequestError } from './api.js';
import { readEvents } from './event-stream.js';
import { pauseAfter, wait } from './wait.js';

/** @import { Api } from './api.js' */
/** @import { Followed, JobEvent } from './types.js' */

/** The server writes something every 15 seconds; a connection that is silent for much longer is dead. */
const SILENCE_MS = 45_000;
const ENDS = new Set(['done', 'failed', 'cancelled']);

/**
 * @param {Pick<Api, 'events'>} api
 * @param {string} id
 * @param {number} after Number of the last event that is not wanted; 0 for all.
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} [whenReachable] Waits until the server answers again.
 * @returns {AsyncGenerator<Followed, void, undefined>} Throws RequestError for a job that the server does not give.
 */
export async function* followJob(api, id, after, signal, whenReachable = async () => {}) {
  let last = after;
  for (let failures = 0; ; ) {
    try {
      for await (const followed of oneConnection(api, id, last, signal)) {
        failures = 0;
        yield followed;
        if (followed.kind !== 'event') continue;
        last = followed.id;
        if (ENDS.has(followed.event.type)) return;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RequestError && !error.isUnreachable && !error.isBusy) throw error;
      failures += 1;
      const message = error instanceof RequestError ? error.message : 'The connection to the server broke.';
      yield { kind: 'broken', message };
      const seconds = error instanceof RequestError ? (error.retryAfter ?? 0) : 0;
      await wait(Math.max(pauseAfter(failures), 1_000 * seconds), signal);
      await whenReachable();
    }
  }
}

/**
 * @param {Pick<Api, 'events'>} api
 * @param {string} id
 * @param {number} after
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Followed, void, undefined>} Throws where it breaks off.
 */
async function* oneConnection(api, id, after, signal) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const body = await api.events(id, after, AbortSignal.any([signal, silence.signal]));
    // Everything was delivered before, the last event too: what it was is known.
    if (body === undefined) throw new RequestError('This job has ended.', { status: 410, code: 'ended' });
    yield { kind: 'joined' };
    const onBytes = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    };
    for await (const { id: number, data } of readEvents(body, onBytes)) {
      /** @type {JobEvent} */
      const event = JSON.parse(data);
      yield { kind: 'event', id: Number(number), event };
    }
    throw new RequestError('The connection to the server broke.', { status: 0 });
  } finally {
    clearTimeout(timer);
  }
}

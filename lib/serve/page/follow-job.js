/** A job's events to its end, over every break of the connection: each event comes once. */
import { RequestError } from './api.js';
import { readEvents } from './event-stream.js';
import { pauseAfter, wait } from './wait.js';

/** @import { Api } from './api.js' */
/** @import { Followed, JobEvent } from './types.js' */

/** @typedef {{ readonly kind: 'joined' } | { readonly kind: 'data', readonly id: number, readonly data: string }} Arrival */

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
      for await (const arrival of oneConnection(api, id, last, signal)) {
        failures = 0;
        if (arrival.kind === 'joined') {
          yield arrival;
          continue;
        }
        const event = eventOf(arrival.data);
        if (event !== undefined) yield { kind: 'event', id: arrival.id, event };
        last = arrival.id;
        if (event !== undefined && ENDS.has(event.type)) return;
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
 * @returns {AsyncGenerator<Arrival, void, undefined>} Throws where it breaks off.
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
      yield { kind: 'data', id: Number(number), data };
    }
    throw new RequestError('The connection to the server broke.', { status: 0 });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} data
 * @returns {JobEvent | undefined} Undefined for what is no JSON: asked for again it would be none either.
 */
function eventOf(data) {
  try {
    return JSON.parse(data);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

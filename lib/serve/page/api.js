/** Requests to the server that the page came from: with the key, without waiting for ever, and with errors in words. */

/** @import { Capabilities, DrawBody, ErrorBody, JobAnswer } from './types.js' */

/** A request that is answered at once, however busy the server is. */
const ANSWER_WITHIN_MS = 30_000;

/** @typedef {{ readonly status: number, readonly code?: string | undefined, readonly param?: string | undefined, readonly retryAfter?: number | undefined }} Refusal */

/** Why a request brought nothing; its message is for people. */
export class RequestError extends Error {
  /**
   * @param {string} message
   * @param {Refusal} refusal
   */
  constructor(message, refusal) {
    super(message);
    this.name = 'RequestError';
    /** The HTTP status; 0 where no server answered. */
    this.status = refusal.status;
    this.code = refusal.code;
    /** The setting that is wrong, in the server's names. */
    this.param = refusal.param;
    /** Seconds after which to ask again. */
    this.retryAfter = refusal.retryAfter;
  }

  /** Nobody answered: the server is down, or the way to it is. */
  get isUnreachable() {
    return this.status === 0;
  }

  /** The server will take it later: one that is broken answers 503 too, but names no time. */
  get isBusy() {
    return this.status === 429 || (this.status === 503 && this.retryAfter !== undefined);
  }
}

export class Api {
  #base;
  #key;

  /**
   * @param {string} base Address that the routes are relative to.
   * @param {() => string | undefined} key The API key as it is now.
   */
  constructor(base, key) {
    this.#base = base;
    this.#key = key;
  }

  /** @returns {Promise<Capabilities>} */
  async capabilities() {
    return await this.#json('GET', 'v1/capabilities');
  }

  /** Is there a server that lives? */
  async health() {
    await this.#request('GET', 'health');
  }

  /**
   * @param {DrawBody} body
   * @returns {Promise<JobAnswer>}
   */
  async submit(body) {
    return await this.#json('POST', 'v1/jobs', body);
  }

  /**
   * The jobs of this client that the server knows.
   *
   * @returns {Promise<{ readonly data: readonly JobAnswer[] }>}
   */
  async jobs() {
    return await this.#json('GET', 'v1/jobs');
  }

  /**
   * @param {string} id
   * @returns {Promise<JobAnswer>}
   */
  async cancel(id) {
    return await this.#json('DELETE', `v1/jobs/${encodeURIComponent(id)}`);
  }

  /**
   * The stream of a job's events behind the one with this number; undefined where none is left.
   *
   * @param {string} id
   * @param {number} after
   * @param {AbortSignal} signal
   */
  async events(id, after, signal) {
    const path = `v1/jobs/${encodeURIComponent(id)}/events`;
    const response = await this.#fetch('GET', path, {
      headers: { accept: 'text/event-stream', ...(after > 0 ? { 'last-event-id': String(after) } : {}) },
      signal,
    });
    if (response.status === 204) return undefined;
    return response.body ?? undefined;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {DrawBody} [body]
   */
  async #json(method, path, body) {
    const response = await this.#request(method, path, body);
    try {
      return await response.json();
    } catch (error) {
      throw new RequestError('The answer of the server broke off.', { status: 0, ...causeOf(error) });
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {DrawBody} [body]
   */
  #request(method, path, body) {
    return this.#fetch(method, path, {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestInit & { readonly headers?: Readonly<Record<string, string>> }} init
   */
  async #fetch(method, path, init) {
    const key = this.#key();
    const headers = { ...init.headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
    /** @type {Response} */
    let response;
    try {
      response = await fetch(new URL(path, this.#base), { ...init, method, headers, cache: 'no-store' });
    } catch (error) {
      // Whoever has given the signal knows why.
      if (init.signal?.aborted && init.signal.reason?.name !== 'TimeoutError') throw error;
      throw new RequestError('The server is not reached.', { status: 0, ...causeOf(error) });
    }
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

/** @param {unknown} error */
function causeOf(error) {
  return error instanceof Error ? { code: error.name } : {};
}

/** @param {Response} response */
async function refusalOf(response) {
  const { status, statusText } = response;
  const error = await errorOf(response);
  // A proxy in front of a server that is gone answers for it, in words of its own.
  if (error === undefined && [502, 503, 504].includes(status)) {
    return new RequestError('The server is not reached.', { status: 0, code: String(status) });
  }
  const message = error?.message ?? `The server answered ${`${status} ${statusText}`.trim()}.`;
  return new RequestError(message, {
    status,
    code: error?.code ?? undefined,
    param: error?.param ?? undefined,
    retryAfter: secondsOf(response.headers.get('retry-after')),
  });
}

/**
 * @param {Response} response
 * @returns {Promise<ErrorBody | undefined>}
 */
async function errorOf(response) {
  const text = await response.text().catch(() => '');
  if (!text.startsWith('{')) return undefined;
  try {
    const { error } = JSON.parse(text);
    return typeof error?.message === 'string' ? error : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @param {string | null} retryAfter */
function secondsOf(retryAfter) {
  const seconds = Number(retryAfter ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

/** Whether the server is there, has loaded its models, and wants a key; asks it again until it can draw. */
import { RequestError } from './api.js';
import { pauseAfter, wait } from './wait.js';

/** @import { Api } from './api.js' */
/** @import { Capabilities } from './types.js' */

/**
 * @typedef {{ readonly kind: 'connecting' }
 *   | { readonly kind: 'ready' | 'loading' | 'failed', readonly capabilities: Capabilities }
 *   | { readonly kind: 'unreachable' | 'forbidden', readonly message: string }
 *   | { readonly kind: 'key', readonly isRefused: boolean }} ServerState
 */

/** How often a server that cannot draw yet, or until it is started anew, is asked. */
const UNREADY_POLL_MS = 1_500;

export class Connection {
  #api;
  #hasKey;
  #onChange;
  /** @type {ServerState} */
  #state = { kind: 'connecting' };
  #asking = new AbortController();
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {Pick<Api, 'capabilities' | 'health'>} api
   * @param {() => boolean} hasKey
   * @param {(state: ServerState) => void} onChange
   */
  constructor(api, hasKey, onChange) {
    this.#api = api;
    this.#hasKey = hasKey;
    this.#onChange = onChange;
  }

  get state() {
    return this.#state;
  }

  /** Asks what the server can do, until it is known. A call ends the one before. */
  ask() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#untilReady(signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
  }

  /** A request was refused for its key, or for having none. */
  refused() {
    this.#asking.abort();
    this.#set({ kind: 'key', isRefused: this.#hasKey() });
  }

  /** @returns {Promise<void>} Once the server answers; at once where it does. */
  reachable() {
    if ('capabilities' in this.#state) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** @param {AbortSignal} signal */
  async #untilReady(signal) {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const capabilities = await this.#api.capabilities();
        failures = 0;
        if (signal.aborted) return;
        if (capabilities.auth && !this.#hasKey()) {
          this.refused();
          return;
        }
        const kind = kindOf(capabilities);
        this.#set({ kind, capabilities });
        if (kind === 'ready') return;
        await wait(UNREADY_POLL_MS, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RequestError)) throw error;
        if (error.status === 401) {
          this.refused();
          return;
        }
        failures += 1;
        // A server that forbids the page, by its address or the one it came from, takes no key instead.
        this.#set({ kind: error.status === 403 ? 'forbidden' : 'unreachable', message: error.message });
        await wait(Math.max(pauseAfter(failures), 1_000 * (error.retryAfter ?? 0)), signal);
      }
    }
  }

  /** @param {ServerState} state */
  #set(state) {
    this.#state = state;
    this.#onChange(state);
    if (!('capabilities' in state)) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** @param {Capabilities} capabilities */
function kindOf({ models }) {
  const ended = models.filter((model) => model.ready || model.state === 'failed');
  if (ended.length < models.length) return 'loading';
  return ended.some(({ ready }) => ready) ? 'ready' : 'failed';
}

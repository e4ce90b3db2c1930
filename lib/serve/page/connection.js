/** Whether the server is there, has loaded its models, and wants a key; asks it again until it is and has. */
import { RequestError } from './api.js';
import { pauseAfter, wait } from './wait.js';

/** @import { Api } from './api.js' */
/** @import { Capabilities } from './types.js' */

/**
 * @typedef {{ readonly kind: 'connecting' }
 *   | { readonly kind: 'ready' | 'loading', readonly capabilities: Capabilities }
 *   | { readonly kind: 'unreachable', readonly message: string }
 *   | { readonly kind: 'key', readonly isRefused: boolean }} ServerState
 */

const LOADING_POLL_MS = 1_500;

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
    if (this.#state.kind === 'ready' || this.#state.kind === 'loading') return Promise.resolve();
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
        const isLoading = capabilities.models.some((model) => !model.ready && model.state !== 'failed');
        this.#set({ kind: isLoading ? 'loading' : 'ready', capabilities });
        if (!isLoading) return;
        await wait(LOADING_POLL_MS, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RequestError)) throw error;
        if (error.status === 401 || error.status === 403) {
          this.refused();
          return;
        }
        failures += 1;
        this.#set({ kind: 'unreachable', message: error.message });
        await wait(Math.max(pauseAfter(failures), 1_000 * (error.retryAfter ?? 0)), signal);
      }
    }
  }

  /** @param {ServerState} state */
  #set(state) {
    this.#state = state;
    this.#onChange(state);
    if (state.kind !== 'ready' && state.kind !== 'loading') return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

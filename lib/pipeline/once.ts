/** Answers that are the same each time, computed once while they are asked for: who comes meanwhile waits for the first. */
import { throwIfAborted, untilAborted } from '../abort.js';

/** Answers that are kept, the newest. */
const MAX_KEPT = 64;

export class Once<Value> {
  readonly #answers = new Map<string, Promise<Value>>();

  /** As `compute` answers; rejects with the reason of `signal`, and with what `compute` throws. */
  async get(key: string, compute: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    for (;;) {
      const known = this.#answers.get(key);
      if (known === undefined) return await this.#begin(key, compute);
      try {
        return await untilAborted(known, signal);
      } catch (error) {
        throwIfAborted(signal);
        // Whoever asked first may have given up; what fails for all fails again.
        if (this.#answers.get(key) === known) throw error;
      }
    }
  }

  async #begin(key: string, compute: () => Promise<Value>): Promise<Value> {
    const answer = compute();
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_KEPT && oldest !== undefined) this.#answers.delete(oldest);
    try {
      return await answer;
    } catch (error) {
      this.#answers.delete(key);
      throw error;
    }
  }
}

/** Hands events from a callback to an async iterator, in order. */
export class EventQueue<Event> {
  readonly #events: Event[] = [];
  #wake: (() => void) | undefined;

  push(event: Event): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /**
   * Yields what is pushed until `work` settles, then returns its result or throws its error. After `signal` only the
   * latter: what still waits is dropped. The caller must end `work` itself when it stops iterating early.
   */
  async *drain<Result>(work: Promise<Result>, signal: AbortSignal): AsyncGenerator<Event, Result> {
    let settled = false;
    const finish = () => {
      settled = true;
      this.#wake?.();
    };
    work.then(finish, finish);
    for (;;) {
      while (!signal.aborted) {
        const event = this.#events.shift();
        if (event === undefined) break;
        yield event;
      }
      if (settled || signal.aborted) return await work;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (settled || this.#events.length > 0) resolve();
      });
    }
  }
}

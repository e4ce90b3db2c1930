/** How fast bytes come, over the last seconds, and how long the rest takes. */

const WINDOW_MS = 8_000;
const STEP_MS = 250;

export class Rate {
  readonly #now: () => number;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** `bytes` have come in all. */
  note(bytes: number): void {
    const at = this.#now();
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < STEP_MS) return;
    // Less than before: a file was begun again.
    if (last !== undefined && bytes < last.bytes) this.#samples = [];
    this.#samples.push({ at, bytes });
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift();
  }

  get bytesPerSecond(): number {
    const [begin, end] = [this.#samples[0], this.#samples.at(-1)];
    if (begin === undefined || end === undefined || end.at <= begin.at) return 0;
    return ((end.bytes - begin.bytes) / (end.at - begin.at)) * 1000;
  }
}

/** How fast pictures are drawn here, and so when a refused request may come again. */

/** Of the last picture's seconds in the average. */
const WEIGHT = 0.2;
/** Before any picture was drawn. */
const UNKNOWN_SECONDS = 5;

export class Pace {
  #seconds: number | undefined;
  #last: number;
  /** When the request that was refused last may find room. */
  #promised = 0;

  constructor(now: number) {
    this.#last = now;
  }

  /** Seconds from one picture's end to the next while pictures wait. */
  get secondsAPicture(): number {
    return this.#seconds ?? UNKNOWN_SECONDS;
  }

  /** Pictures begin to be drawn after a pause, which counts for nothing. */
  resume(now: number): void {
    this.#last = now;
  }

  /** A picture was drawn. Times are in seconds, from any one zero. */
  finished(now: number): void {
    const seconds = Math.max(0, now - this.#last);
    this.#seconds =
      this.#seconds === undefined ? seconds : this.#seconds + WEIGHT * (seconds - this.#seconds);
    this.#last = now;
  }

  /**
   * Seconds until a refused request may find room: those that were refused before it come first.
   *
   * @param picturesARequest of those that wait, on average
   */
  promise(now: number, picturesARequest: number): number {
    const each = this.secondsAPicture * Math.max(1, picturesARequest);
    this.#promised = Math.max(this.#promised, now) + each;
    return this.#promised - now;
  }
}

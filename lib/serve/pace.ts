/** How fast pictures are drawn here, and so when a refused request may come again. */

/** What was measured so long ago counts a third. */
const MEMORY_SECONDS = 120;
/** Before any picture was drawn. */
const UNKNOWN_SECONDS = 5;

/** All times are in seconds, from any one zero. */
export class Pace {
  /** Pictures and seconds of drawing, both fading away by time: pictures of one batch end together, then none for long. */
  #pictures = 0;
  #seconds = 0;
  /** Since when drawing is counted; undefined while nothing is drawn. */
  #since: number | undefined;
  /** When the request that was refused last may find room. */
  #promised = 0;

  /** Pictures begin to be drawn after a pause, which counts for nothing. */
  resume(now: number): void {
    this.#since ??= now;
  }

  /** Nothing is drawn any more. */
  pause(now: number): void {
    this.#advance(now);
    this.#since = undefined;
  }

  /** A picture was drawn. */
  finished(now: number): void {
    this.#advance(now);
    this.#pictures++;
  }

  /** Seconds of drawing a picture. */
  secondsAPicture(now: number): number {
    this.#advance(now);
    return this.#pictures === 0 ? Math.max(UNKNOWN_SECONDS, this.#seconds) : this.#seconds / this.#pictures;
  }

  /**
   * Seconds until a refused request may find room: those that were refused just before come first, but no more of them than
   * could be let in while all that waits is drawn.
   *
   * @param waiting requests in line
   * @param picturesARequest of those, on average
   */
  promise(now: number, waiting: number, picturesARequest: number): number {
    const each = this.secondsAPicture(now) * Math.max(1, picturesARequest);
    const latest = now + (waiting + 1) * each;
    this.#promised = Math.min(latest, Math.max(this.#promised, now) + each);
    return this.#promised - now;
  }

  #advance(now: number): void {
    if (this.#since === undefined) return;
    const seconds = Math.max(0, now - this.#since);
    const kept = Math.exp(-seconds / MEMORY_SECONDS);
    this.#pictures *= kept;
    this.#seconds = this.#seconds * kept + MEMORY_SECONDS * (1 - kept);
    this.#since = now;
  }
}

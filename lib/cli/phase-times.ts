/** How long the phases of a command that draws took, from the start of the process on. */

/** Seconds. */
export interface PhaseSeconds {
  /** Until the first part of the model was loaded: Node.js, the program, libtorch. */
  readonly start: number;
  /** By part. */
  readonly load: Readonly<Record<string, number>>;
  /** Captions, steps and decoding, and files that were written between pictures. */
  readonly draw: number;
  readonly total: number;
}

export class PhaseTimes {
  readonly #now: () => number;
  readonly #load = new Map<string, number>();
  #part: string | undefined;
  #start: number | undefined;
  /** Of the part that is being loaded. */
  #since = 0;
  #drawing: number | undefined;

  /** `now` gives milliseconds since the process began. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  loading(part: string): void {
    this.#endPart();
    this.#start ??= this.#now();
    this.#part = part;
    this.#since = this.#now();
  }

  /** May be told again and again. */
  drawing(): void {
    this.#endPart();
    this.#drawing ??= this.#now();
  }

  /** Undefined where nothing was drawn. */
  seconds(): PhaseSeconds | undefined {
    if (this.#drawing === undefined) return undefined;
    const now = this.#now();
    return {
      start: rounded(this.#start ?? this.#drawing),
      load: Object.fromEntries([...this.#load].map(([part, time]) => [part, rounded(time)])),
      draw: rounded(now - this.#drawing),
      total: rounded(now),
    };
  }

  #endPart(): void {
    if (this.#part !== undefined) this.#load.set(this.#part, this.#now() - this.#since);
    this.#part = undefined;
  }
}

export function phaseText({ start, load, draw, total }: PhaseSeconds): string {
  const parts = Object.entries(load).map(([part, time]) => `${part} ${time} s`);
  return `${start} s to start, ${parts.map((text) => `loading ${text}, `).join('')}drawing ${draw} s: ${total} s in all`;
}

/** Milliseconds to seconds, exact to one. */
const rounded = (milliseconds: number) => Math.round(milliseconds) / 1000;

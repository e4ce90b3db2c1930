/** Counts pictures that cannot be read, and says when they are too many. */
import { SvgT2IError } from '../errors.js';

/** Until so many were tried the share is taken of this number: a few bad ones at the start say little. */
const LEAST_TRIED = 200;

export class BadItems {
  readonly #items: number;
  readonly #maxShare: number;
  readonly #onBad: (error: SvgT2IError, index: number) => void;
  readonly #known = new Map<number, SvgT2IError>();
  #tried = 0;
  #failed = 0;

  /** `onBad` is told once of each bad item of the dataset. */
  constructor(options: {
    readonly items: number;
    readonly maxShare: number;
    readonly onBad?: ((error: SvgT2IError, index: number) => void) | undefined;
  }) {
    this.#items = options.items;
    this.#maxShare = options.maxShare;
    this.#onBad = options.onBad ?? (() => undefined);
  }

  /** Different items. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * What `load` makes of an item, or undefined where the item is bad; a known bad one is not tried again.
   *
   * @throws SvgT2IError ERR_SVGT2I_DATA where more than the set share is bad; what is not the item's own fault
   */
  async attempt<Value>(index: number, load: () => Promise<Value>): Promise<Value | undefined> {
    this.#tried++;
    const value = await this.attemptNeighbour(index, load);
    if (value !== undefined) return value;
    this.#failed++;
    if (this.#failed > this.#maxShare * Math.max(this.#tried, Math.min(LEAST_TRIED, this.#items))) {
      throw this.tooMany(
        `${this.#failed} of ${this.#tried} pictures cannot be read, more than data.maxBadShare (${this.#maxShare}) allows`,
        index,
      );
    }
    return undefined;
  }

  /** As attempt, in place of another item: one block of bad ones would count again and again. */
  async attemptNeighbour<Value>(index: number, load: () => Promise<Value>): Promise<Value | undefined> {
    if (this.#known.has(index)) return undefined;
    try {
      return await load();
    } catch (error) {
      if (!isBadItem(error)) throw error;
      if (!this.#known.has(index)) this.#onBad(error, index);
      this.#known.set(index, error);
      return undefined;
    }
  }

  /** The end of a run, with item `index` as the example. */
  tooMany(message: string, index: number): SvgT2IError {
    const example = this.#known.get(index);
    const shown = example === undefined ? '' : `; one of them: ${example.message}`;
    return new SvgT2IError('ERR_SVGT2I_DATA', message + shown, {
      hint: 'Check data.sets (path, root), mend or remove the files, or raise data.maxBadShare.',
      cause: example,
    });
  }
}

/** The item's own fault; anything else ends the run. */
export function isBadItem(error: unknown): error is SvgT2IError {
  if (!SvgT2IError.isInstance(error)) return false;
  switch (error.code) {
    case 'ERR_SVGT2I_IMAGE':
    case 'ERR_SVGT2I_FILE_NOT_FOUND':
    case 'ERR_SVGT2I_FILE_FORMAT':
    case 'ERR_SVGT2I_IO':
      return true;
    default:
      return false;
  }
}

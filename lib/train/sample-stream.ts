/** Samples in the order of training, prepared ahead of time; what cannot be read is replaced by its neighbour. */
import { SvgT2IError } from '../errors.js';
import type { OrderedItem } from './order.js';

export interface SampleStreamOptions<Sample> {
  readonly order: Iterable<OrderedItem>;
  /** Items of the dataset. */
  readonly items: number;
  /** Makes the sample of an item; rejects with SvgT2IError where the item is bad. */
  readonly load: (item: OrderedItem) => Promise<Sample>;
  /** Samples in preparation or waiting at a time. */
  readonly ahead: number;
  readonly maxBadShare: number;
  /** Told once of each bad item. */
  readonly onBad?: ((error: SvgT2IError, index: number) => void) | undefined;
}

/** Until so many were tried the share is taken of this number: a few bad ones at the start say little. */
const LEAST_TRIED = 200;
/** Neighbours that are tried in place of a bad item. */
const MAX_NEIGHBOURS = 1000;

type Outcome<Sample> = { readonly sample: Sample } | { readonly error: unknown };

export class SampleStream<Sample> {
  readonly #options: SampleStreamOptions<Sample>;
  readonly #order: Iterator<OrderedItem>;
  readonly #inFlight: Promise<Outcome<Sample>>[] = [];
  readonly #bad = new Map<number, SvgT2IError>();
  #tried = 0;
  #failed = 0;

  constructor(options: SampleStreamOptions<Sample>) {
    this.#options = options;
    this.#order = options.order[Symbol.iterator]();
  }

  /** Different items so far that could not be read. */
  get badItems(): number {
    return this.#bad.size;
  }

  /**
   * The next `count` samples, fewer at the end of the order.
   *
   * @throws SvgT2IError ERR_SVGT2I_DATA where more than the set share is bad; the reason of `signal`
   */
  async take(count: number, signal?: AbortSignal): Promise<readonly Sample[]> {
    const samples: Sample[] = [];
    for (this.#refill(); samples.length < count && this.#inFlight.length > 0; this.#refill()) {
      signal?.throwIfAborted();
      const outcome = await (this.#inFlight[0] as Promise<Outcome<Sample>>);
      this.#inFlight.shift();
      if ('error' in outcome) throw outcome.error;
      samples.push(outcome.sample);
    }
    return samples;
  }

  #refill(): void {
    while (this.#inFlight.length < this.#options.ahead) {
      const next = this.#order.next();
      if (next.done === true) return;
      this.#inFlight.push(this.#attempt(next.value));
    }
  }

  async #attempt(item: OrderedItem): Promise<Outcome<Sample>> {
    try {
      return { sample: await this.#loadOrNeighbour(item) };
    } catch (error) {
      return { error };
    }
  }

  /** A neighbour by number, not the next of the order: then other processes and a resumed run replace it the same. */
  async #loadOrNeighbour({ draw, index }: OrderedItem): Promise<Sample> {
    const { items } = this.#options;
    for (let step = 0; step < Math.min(items, MAX_NEIGHBOURS); step++) {
      const candidate = (index + step) % items;
      const known = this.#bad.get(candidate);
      this.#tried++;
      if (known === undefined) {
        try {
          return await this.#options.load({ draw, index: candidate });
        } catch (error) {
          if (!SvgT2IError.isInstance(error) || !isBadItem(error)) throw error;
          if (!this.#bad.has(candidate)) this.#options.onBad?.(error, candidate);
          this.#bad.set(candidate, error);
        }
      }
      this.#failed++;
      this.#checkShare(known ?? this.#bad.get(candidate));
    }
    throw tooMany(
      `${Math.min(items, MAX_NEIGHBOURS)} pictures in a row cannot be read`,
      this.#bad.get(index),
    );
  }

  #checkShare(last: SvgT2IError | undefined): void {
    const { maxBadShare, items } = this.#options;
    if (this.#failed <= maxBadShare * Math.max(this.#tried, Math.min(LEAST_TRIED, items))) return;
    throw tooMany(
      `${this.#failed} of ${this.#tried} pictures cannot be read, more than data.maxBadShare (${maxBadShare}) allows`,
      last,
    );
  }
}

/** The item's own fault; anything else ends the run. */
function isBadItem(error: SvgT2IError): boolean {
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

function tooMany(message: string, last: SvgT2IError | undefined): SvgT2IError {
  const example = last === undefined ? '' : `; one of them: ${last.message}`;
  return new SvgT2IError('ERR_SVGT2I_DATA', message + example, {
    hint: 'Check data.sets (path, root), mend or remove the files, or raise data.maxBadShare.',
    cause: last,
  });
}

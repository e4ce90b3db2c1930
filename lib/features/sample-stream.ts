/** Samples in the order of training, prepared ahead of time; what cannot be read is replaced by its neighbour. */
import type { SvgT2IError } from '../errors.js';
import { BadItems } from './bad-items.js';
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

type Outcome<Sample> = { readonly sample: Sample } | { readonly error: unknown };

export class SampleStream<Sample> {
  readonly #options: SampleStreamOptions<Sample>;
  readonly #order: Iterator<OrderedItem>;
  readonly #inFlight: Promise<Outcome<Sample>>[] = [];
  readonly #bad: BadItems;

  constructor(options: SampleStreamOptions<Sample>) {
    this.#options = options;
    this.#order = options.order[Symbol.iterator]();
    const { items, maxBadShare: maxShare, onBad } = options;
    this.#bad = new BadItems({ items, maxShare, onBad });
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
    const { items, load } = this.#options;
    const drawn = await this.#bad.attempt(index, () => load({ draw, index }));
    if (drawn !== undefined) return drawn;
    let tried = 0;
    for (const neighbour of neighboursOf(index, items)) {
      const sample = await this.#bad.attemptNeighbour(neighbour, () => load({ draw, index: neighbour }));
      if (sample !== undefined) return sample;
      tried++;
    }
    throw this.#bad.tooMany(
      `none of ${tried} pictures that could take a broken one's place can be read`,
      index,
    );
  }
}

/** The next ones, then ever further ones: where a folder is missing, thousands in a row are bad. */
function* neighboursOf(index: number, items: number): Generator<number> {
  for (let offset = 1; offset < items; offset += Math.max(1, offset >> 4)) yield (index + offset) % items;
}

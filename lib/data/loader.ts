/** Pictures in the order of training, prepared ahead of time. */
import { availableParallelism } from 'node:os';
import { SvgT2IError } from '../errors.js';
import type { RgbImage } from '../image/rgb-image.js';
import { cropSizeList } from './buckets.js';
import type { DataItem, Dataset } from './dataset.js';
import { ImagePool } from './image-pool.js';

export interface LoaderOptions {
  readonly dataset: Dataset;
  /** Item numbers in the order wanted, as `sampleOrder` gives them. */
  readonly order: Iterable<number>;
  /** Side in pixels of the square bucket; see cropSizeList. */
  readonly resolution: number;
  readonly maxRatio?: number;
  /** Threads; by default one a core, but one core is left for the rest. */
  readonly workers?: number;
  /** Pictures in preparation or waiting at a time; by default four a worker. */
  readonly prefetch?: number;
  /** Told about every item that is left out. */
  readonly onSkip?: (error: SvgT2IError, index: number) => void;
  /** This many items in a row that cannot be read are no accident any more. */
  readonly maxSkips?: number;
  readonly signal?: AbortSignal;
}

export interface LoadedItem {
  /** Place in `order`, from 0. Items that were left out leave a gap. */
  readonly position: number;
  readonly index: number;
  readonly item: DataItem;
  readonly image: RgbImage;
}

type Outcome = { readonly loaded: LoadedItem } | { readonly error: unknown; readonly index: number };

const DEFAULT_MAX_SKIPS = 100;
const PREFETCH_PER_WORKER = 4;

/**
 * Loads items in order with a bounded number in flight. An unreadable item is reported and left out; leaving the loop
 * ends the threads.
 *
 * @throws SvgT2IError of the last item after `maxSkips` unreadable ones in a row; the reason of `signal`
 */
export async function* loadItems(options: LoaderOptions): AsyncGenerator<LoadedItem, void, undefined> {
  const { dataset, order, signal, onSkip, maxSkips = DEFAULT_MAX_SKIPS } = options;
  const { resolution, maxRatio, workers = Math.max(1, availableParallelism() - 1) } = options;
  const buckets = cropSizeList({ resolution, ...(maxRatio === undefined ? {} : { maxRatio }) });
  await using pool = new ImagePool(workers);
  const prefetch = Math.max(1, options.prefetch ?? workers * PREFETCH_PER_WORKER);

  const load = async (position: number, index: number): Promise<Outcome> => {
    try {
      const item = await dataset.item(index);
      return { loaded: { position, index, item, image: await pool.prepare(item.path, buckets) } };
    } catch (error) {
      return { error, index };
    }
  };
  const inFlight: Promise<Outcome>[] = [];
  const indices = order[Symbol.iterator]();
  let position = 0;
  let skipped = 0;
  const refill = (): void => {
    while (inFlight.length < prefetch) {
      const next = indices.next();
      if (next.done === true) return;
      inFlight.push(load(position++, next.value));
    }
  };
  for (refill(); inFlight.length > 0; refill()) {
    signal?.throwIfAborted();
    const outcome = await (inFlight.shift() as Promise<Outcome>);
    signal?.throwIfAborted();
    if ('loaded' in outcome) {
      skipped = 0;
      yield outcome.loaded;
    } else {
      const { error, index } = outcome;
      skipped++;
      if (!SvgT2IError.isInstance(error) || skipped >= maxSkips) throw error;
      onSkip?.(error, index);
    }
  }
}

/** How many pictures of a run get each size, from their headers. */
import { chooseBucket, type Size } from '../data/buckets.js';
import { randomPermutation } from '../data/random.js';
import { readImageSize } from '../image/decode.js';
import { isBadItem } from './bad-items.js';
import type { TrainingDataset } from './dataset.js';
import { pictureSizes, type SizeOptions } from './picture-sizes.js';

export interface BucketCounts {
  /** From the most frequent size on. */
  readonly sizes: readonly (Size & { readonly count: number })[];
  /** Pictures that were looked at: all, or some drawn at random. */
  readonly counted: number;
  /** Of those, how many have no header that can be read. */
  readonly unreadable: number;
  readonly items: number;
}

/** Pictures that are looked at, at most: a million headers would take minutes at every start. */
const MAX_COUNTED = 4096;
/** Headers read at a time. */
const CONCURRENT = 16;

/** Reads no pictures where all get one size. Rejects with the reason of `signal`. */
export async function countBuckets(
  dataset: Pick<TrainingDataset, 'length' | 'item'>,
  options: SizeOptions & { readonly autoOrient: boolean },
  signal?: AbortSignal,
): Promise<BucketCounts> {
  const buckets = pictureSizes(options);
  const items = dataset.length;
  const [only] = buckets;
  if (only !== undefined && buckets.length === 1) {
    return { sizes: [{ ...only, count: items }], counted: items, unreadable: 0, items };
  }
  const order =
    items <= MAX_COUNTED ? Uint32Array.from({ length: items }, (_, i) => i) : randomPermutation(items, 0);
  const chosen = order.subarray(0, MAX_COUNTED);
  const counts = new Map<Size, number>();
  let unreadable = 0;
  const look = async (index: number): Promise<void> => {
    try {
      const { path } = await dataset.item(index);
      const bucket = chooseBucket(await readImageSize(path, { autoOrient: options.autoOrient }), buckets);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    } catch (error) {
      if (!isBadItem(error)) throw error;
      unreadable++;
    }
  };
  for (let start = 0; start < chosen.length; start += CONCURRENT) {
    signal?.throwIfAborted();
    await Promise.all(Array.from(chosen.subarray(start, start + CONCURRENT), look));
  }
  return { sizes: sorted(counts), counted: chosen.length, unreadable, items };
}

/** Of pictures whose sizes are known already. */
export function countedBuckets(
  sizes: Iterable<Size & { readonly count: number }>,
  items: number,
): BucketCounts {
  const byName = new Map<string, Size & { count: number }>();
  let known = 0;
  for (const { width, height, count } of sizes) {
    const name = `${width}x${height}`;
    const entry = byName.get(name) ?? { width, height, count: 0 };
    byName.set(name, entry);
    entry.count += count;
    known += count;
  }
  const counts = new Map([...byName.values()].map(({ width, height, count }) => [{ width, height }, count]));
  return { sizes: sorted(counts), counted: items, unreadable: items - known, items };
}

function sorted(counts: ReadonlyMap<Size, number>): BucketCounts['sizes'] {
  return [...counts]
    .map(([{ width, height }, count]) => ({ width, height, count }))
    .sort((a, b) => b.count - a.count || b.width - a.width || b.height - a.height);
}

/** The pictures of a set one after the other, those that cannot be read told of and left out. */
import { isBadItem } from '../features/bad-items.js';
import type { NamedPicture, PictureSource, ReadingOptions } from './picture-set.js';
import { readAhead } from './read-ahead.js';

/** Pictures that wait at a time, at most. */
const MOST_AHEAD = 64;
/** And what they may take. */
const MOST_BYTES = 2 ** 30;
/** Before the size of any is known, and however large they are. */
const LEAST_AHEAD = 2;

/** How many pictures may wait: few until their size is known, then many small ones or few large ones. */
export class AheadLimit {
  #largest = Number.POSITIVE_INFINITY;

  /** Bytes of one that came. */
  add(bytes: number): void {
    this.#largest = Math.max(Number.isFinite(this.#largest) ? this.#largest : 1, bytes);
  }

  readonly current = (): number =>
    Math.max(LEAST_AHEAD, Math.min(MOST_AHEAD, Math.floor(MOST_BYTES / this.#largest)));
}

/** Either a picture, or why it cannot be read. */
export type Attempt = { readonly picture: NamedPicture } | { readonly reason: string };

/** Rejects with what is not the picture's own fault. */
export async function attempt(source: PictureSource, index: number): Promise<Attempt> {
  try {
    return { picture: await source.picture(index) };
  } catch (error) {
    if (!isBadItem(error)) throw error;
    return { reason: error.message };
  }
}

/** In the set's order. */
export async function* goodPictures(
  source: PictureSource,
  { signal, onBad, count = source.count }: ReadingOptions,
): AsyncGenerator<NamedPicture, void, undefined> {
  const limit = new AheadLimit();
  const indices = Array.from({ length: Math.min(count, source.count) }, (_, index) => index);
  const load = async (index: number) => ({ index, outcome: await attempt(source, index) });
  let names: readonly string[] | undefined;
  for await (const { index, outcome } of readAhead(indices, load, { ahead: limit.current, signal })) {
    if ('picture' in outcome) {
      limit.add(outcome.picture.image.data.length);
      yield outcome.picture;
      continue;
    }
    names ??= await source.names();
    onBad({
      name: names[index] ?? String(index),
      index,
      path: source.pathOf(index),
      message: outcome.reason,
    });
  }
}

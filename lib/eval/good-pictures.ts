/** The pictures of a set one after the other, those that cannot be read told of and left out. */
import { isBadItem } from '../features/bad-items.js';
import { NpzError } from '../npz/members.js';
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

/** Either a picture, or why it cannot be read, and the file that is to blame. */
export type Attempt = { readonly picture: NamedPicture } | FailedAttempt;

export interface FailedAttempt {
  readonly reason: string;
  readonly name: string;
  readonly path: string;
}

/** Rejects with what is not the picture's own fault, as damage of an npz, behind which nothing can be read. */
export async function attempt(source: PictureSource, index: number): Promise<Attempt> {
  try {
    return { picture: await source.picture(index) };
  } catch (error) {
    if (!isBadItem(error) || error instanceof NpzError) throw error;
    return { reason: error.message, ...(await source.placeOf(index)) };
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
  for await (const { index, outcome } of readAhead(indices, load, { ahead: limit.current, signal })) {
    if ('picture' in outcome) {
      limit.add(outcome.picture.image.data.length);
      yield outcome.picture;
      continue;
    }
    const { name, path, reason: message } = outcome;
    onBad({ name, index, path, message });
  }
}

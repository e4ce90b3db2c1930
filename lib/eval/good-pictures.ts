/** The pictures of a set one after the other, those that cannot be read told of and left out. */
import { isBadItem } from '../features/bad-items.js';
import type { NamedPicture, PictureSource, ReadingOptions } from './picture-set.js';
import { readAhead } from './read-ahead.js';

/** Pictures that wait at a time, at most. */
const MOST_AHEAD = 64;
/** And what they may take. */
export const MOST_BYTES = 256 * 2 ** 20;

/** How many pictures may wait: many small ones, few large ones. */
export class AheadLimit {
  readonly #least: number;
  #largest = 1;

  /** `least`: as many as can be prepared side by side. */
  constructor(least: number) {
    this.#least = least;
  }

  add({ image }: Pick<NamedPicture, 'image'>): void {
    this.#largest = Math.max(this.#largest, image.data.length);
  }

  readonly current = (): number =>
    Math.max(this.#least, Math.min(MOST_AHEAD, Math.floor(MOST_BYTES / this.#largest)));
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

/** Of a source whose `least` pictures are prepared side by side. */
export async function* goodPictures(
  source: PictureSource,
  least: number,
  { signal, onBad, count = source.count }: ReadingOptions,
): AsyncGenerator<NamedPicture, void, undefined> {
  const limit = new AheadLimit(least);
  const indices = Array.from({ length: Math.min(count, source.count) }, (_, index) => index);
  const load = async (index: number) => ({ index, outcome: await attempt(source, index) });
  let names: readonly string[] | undefined;
  for await (const { index, outcome } of readAhead(indices, load, { ahead: limit.current, signal })) {
    if ('picture' in outcome) {
      limit.add(outcome.picture);
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

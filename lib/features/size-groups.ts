/** Pictures of one size side by side, in bounded memory. */
import type { RgbImage } from '../image/rgb-image.js';

export class SizeGroups<Item> {
  readonly #imageOf: (item: Item) => RgbImage;
  readonly #maxBytes: number;
  readonly #groups = new Map<string, { items: Item[]; bytes: number }>();
  #bytes = 0;

  constructor(imageOf: (item: Item) => RgbImage, maxBytes: number) {
    this.#imageOf = imageOf;
    this.#maxBytes = maxBytes;
  }

  /** Takes an item in; returns the groups that are full, or that must make room. */
  add(item: Item, size: number): readonly (readonly Item[])[] {
    const { width, height, data } = this.#imageOf(item);
    const key = `${width}x${height}`;
    const group = this.#groups.get(key) ?? { items: [], bytes: 0 };
    this.#groups.set(key, group);
    group.items.push(item);
    group.bytes += data.length;
    this.#bytes += data.length;
    const full: (readonly Item[])[] = [];
    if (group.items.length >= size) full.push(this.#take(key));
    while (this.#bytes > this.#maxBytes) full.push(this.#take(this.#largest()));
    return full;
  }

  /** All that is left. */
  rest(): readonly (readonly Item[])[] {
    return [...this.#groups.keys()].map((key) => this.#take(key));
  }

  #take(key: string): readonly Item[] {
    const group = this.#groups.get(key);
    this.#groups.delete(key);
    this.#bytes -= group?.bytes ?? 0;
    return group?.items ?? [];
  }

  #largest(): string {
    let best = '';
    let most = -1;
    for (const [key, { bytes }] of this.#groups) if (bytes > most) [best, most] = [key, bytes];
    return best;
  }
}

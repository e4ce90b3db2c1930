/** Choices from the package's own generator, the same on every machine. */
import { MersenneTwister } from '../data/random.js';

const TWO_32 = 2 ** 32;

/** 32-bit FNV-1a of the text's UTF-16 units, with murmur3's final mix so that similar texts end far apart. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export class SceneRandom {
  readonly #twister: MersenneTwister;

  /** Each key has its own sequence, e.g. a seed and the number of a picture. */
  constructor(...key: readonly (string | number)[]) {
    this.#twister = new MersenneTwister(hashText(key.join('/')));
  }

  /** From `low` up to, not including, `high`. */
  uniform(low: number, high: number): number {
    return low + ((high - low) * this.#twister.nextUint32()) / TWO_32;
  }

  chance(probability: number): boolean {
    return this.uniform(0, 1) < probability;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return Math.floor(this.uniform(low, high + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)] as Item;
  }

  /** `count` different items, in random order. */
  pickSeveral<Item>(items: readonly Item[], count: number): Item[] {
    const rest = [...items];
    return Array.from({ length: count }, () => rest.splice(this.integer(0, rest.length - 1), 1)[0] as Item);
  }
}

/** What the pictures of a set are like, and which of it makes numbers that cannot be compared. */
import type { NamedPicture } from './picture-set.js';

/** Sizes that a remark names at most. */
const MAX_NAMED = 3;

export class SetFacts {
  readonly name: string;
  #count = 0;
  #transparent = 0;
  #deep = 0;
  readonly #sizes = new Map<string, number>();
  readonly #formats = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  add({ image, facts }: Pick<NamedPicture, 'image' | 'facts'>): void {
    this.#count++;
    count(this.#sizes, `${image.width}x${image.height}`);
    if (facts === undefined) return;
    count(this.#formats, facts.format);
    if (facts.isTransparent) this.#transparent++;
    if (facts.bits === 16) this.#deep++;
  }

  /** Pictures that were looked at. */
  get count(): number {
    return this.#count;
  }

  /** `256x256`, the most frequent first. */
  get sizes(): readonly string[] {
    return byCount(this.#sizes);
  }

  /** `png`, `jpeg` ...; none of pictures of an npz. */
  get formats(): readonly string[] {
    return byCount(this.#formats);
  }

  /** Of the set alone, a line each. */
  remarks(alpha: 'white' | 'drop'): readonly string[] {
    const remarks: string[] = [];
    if (this.#transparent > 0) {
      const done =
        alpha === 'white'
          ? 'pasted on white; torch-fidelity and ADM drop the alpha channel instead (--alpha drop)'
          : 'seen without their alpha channel';
      remarks.push(`${this.#pictures(this.#transparent)} with transparent pixels: ${done}`);
    }
    if (this.#deep > 0) {
      remarks.push(
        `${this.#pictures(this.#deep)} of 16 bits: read as 8 bits, which other readers may round differently`,
      );
    }
    if (this.#sizes.size > 1) {
      remarks.push(`${this.name} has pictures of ${this.#sizes.size} sizes: ${shortList(this.sizes)}`);
    }
    return remarks;
  }

  #pictures(count: number): string {
    return `${this.name} has ${count} ${count === 1 ? 'picture' : 'pictures'}`;
  }
}

/** What makes two sets unlike, beside what they show; a line each. */
export function unlikeness(a: SetFacts, b: SetFacts): readonly string[] {
  const remarks: string[] = [];
  const [sizeA, sizeB] = [a.sizes[0], b.sizes[0]];
  if (sizeA !== undefined && sizeB !== undefined && sizeA !== sizeB) {
    remarks.push(
      `most pictures of ${a.name} are ${sizeA}, of ${b.name} ${sizeB}: a metric sees the difference in sharpness, too`,
    );
  }
  const lossy = [a, b].filter(({ formats }) => formats.some((format) => LOSSY.has(format)));
  const [one] = lossy;
  if (lossy.length === 1 && one !== undefined) {
    const other = one === a ? b : a;
    remarks.push(
      `${one.name} has ${shortList(one.formats.filter((format) => LOSSY.has(format)))} pictures, ${other.name} has none: what compression leaves changes FID and its kin`,
    );
  }
  return remarks;
}

const LOSSY: ReadonlySet<string> = new Set(['jpeg', 'webp', 'avif']);

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function byCount(counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1)).map(([key]) => key);
}

function shortList(all: readonly string[]): string {
  const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : '';
  return all.slice(0, MAX_NAMED).join(', ') + more;
}

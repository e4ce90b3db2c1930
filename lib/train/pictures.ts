/** Pictures for training: read, cut to size and mirrored by a pool of threads. */
import { availableParallelism } from 'node:os';
import { cropSizeList, type Size } from '../data/buckets.js';
import { ImagePool } from '../data/image-pool.js';
import { uniformDraw } from '../data/random.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { TrainingDataset } from './dataset.js';
import type { OrderedItem } from './order.js';

export interface PictureOptions {
  readonly resolution: number;
  readonly aspect: 'multi' | 'square';
  readonly maxRatio: number;
  /** Share that is mirrored. */
  readonly flip: number;
  readonly workers?: number | undefined;
  /** As files are read. */
  readonly autoOrient: boolean;
  readonly maxPixels: number;
}

export interface Picture {
  readonly image: RgbImage;
  /** What the text encoder reads, '' in sets without captions. */
  readonly caption: string;
}

/** Sizes that pictures are cut to. */
export function pictureSizes(
  options: Pick<PictureOptions, 'resolution' | 'aspect' | 'maxRatio'>,
): readonly Size[] {
  const { resolution, aspect, maxRatio } = options;
  const square = { width: resolution, height: resolution };
  if (aspect === 'square') return [square];
  const sizes = cropSizeList({ resolution, maxRatio });
  return sizes.length === 0 ? [square] : sizes;
}

export class PictureLoader {
  readonly #dataset: TrainingDataset;
  readonly #sizes: readonly Size[];
  readonly #flip: number;
  readonly #seed: number;
  readonly #pool: ImagePool;

  constructor(dataset: TrainingDataset, options: PictureOptions & { readonly seed: number }) {
    this.#dataset = dataset;
    this.#sizes = pictureSizes(options);
    this.#flip = options.flip;
    this.#seed = options.seed;
    const { workers, autoOrient, maxPixels } = options;
    const threads = workers ?? Math.max(1, availableParallelism() - 1);
    this.#pool = new ImagePool(threads, { autoOrient, maxPixels });
  }

  /** Rejects with SvgT2IError where the item cannot be read. */
  async load({ draw, index }: OrderedItem): Promise<Picture> {
    const { path, prompt = '' } = await this.#dataset.item(index);
    const flip = uniformDraw(this.#seed, draw) < this.#flip;
    return { image: await this.#pool.prepare(path, this.#sizes, flip), caption: prompt };
  }

  async close(): Promise<void> {
    await this.#pool.dispose();
    await this.#dataset.close();
  }
}

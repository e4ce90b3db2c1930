/** Pictures for training: read, cut to size and mirrored by a pool of threads. */
import { availableParallelism } from 'node:os';
import type { Size } from '../data/buckets.js';
import { ImagePool } from '../data/image-pool.js';
import { uniformDraw } from '../data/random.js';
import type { RgbImage } from '../image/rgb-image.js';
import { type BucketCounts, countBuckets } from './bucket-counts.js';
import type { TrainingDataset } from './dataset.js';
import type { OrderedItem } from './order.js';
import { pictureSizes, type SizeOptions } from './picture-sizes.js';

export interface PictureOptions extends SizeOptions {
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
  /** Number of its class, in sets that have classes. */
  readonly label: number | undefined;
}

export class PictureLoader {
  readonly #dataset: TrainingDataset;
  readonly #options: PictureOptions;
  readonly #sizes: readonly Size[];
  readonly #flip: number;
  readonly #seed: number;
  readonly #pool: ImagePool;

  constructor(dataset: TrainingDataset, options: PictureOptions & { readonly seed: number }) {
    this.#dataset = dataset;
    this.#options = options;
    this.#sizes = pictureSizes(options);
    this.#flip = options.flip;
    this.#seed = options.seed;
    const { workers, autoOrient, maxPixels } = options;
    const threads = workers ?? Math.max(1, availableParallelism() - 1);
    this.#pool = new ImagePool(threads, { autoOrient, maxPixels });
  }

  /** Rejects with SvgT2IError where the item cannot be read. */
  async load({ draw, index }: OrderedItem): Promise<Picture> {
    const { path, prompt = '', label } = await this.#dataset.item(index);
    const flip = uniformDraw(this.#seed, draw) < this.#flip;
    return { image: await this.#pool.prepare(path, this.#sizes, flip), caption: prompt, label };
  }

  /** How many pictures get each size. */
  buckets(signal?: AbortSignal): Promise<BucketCounts> {
    return countBuckets(this.#dataset, this.#options, signal);
  }

  async close(): Promise<void> {
    await this.endThreads();
    await this.#dataset.close();
  }

  /** Of the data set, which is another's, all stays as it is. */
  async endThreads(): Promise<void> {
    await this.#pool.dispose();
  }
}

/** The few pictures that every checkpoint of a run is measured on: always the same, prepared as in training. */
import { createHash } from 'node:crypto';
import type { TrainingConfig } from '../../config/train.js';
import { randomPermutation } from '../../data/random.js';
import { firstLine, SvgT2IError } from '../../errors.js';
import { type DataSetOptions, TrainingDataset } from '../../features/dataset.js';
import { PictureLoader } from '../../features/pictures.js';
import type { RgbImage } from '../../image/rgb-image.js';
import type { BadPictureEvent } from '../events.js';

export interface FixedPicture {
  /** Of its file. */
  readonly path: string;
  readonly image: RgbImage;
}

export interface FixedPicturesOptions {
  readonly sets: readonly DataSetOptions[];
  /** Sizes, and how files are read. */
  readonly data: TrainingConfig['data'];
  readonly cellPixels: number;
  readonly count: number;
  readonly seed: number;
}

/** Few threads: they take the processor from training, and few pictures are read once. */
const WORKERS = 2;

export class FixedPictures {
  /** SHA-256 of what says which pictures they are. */
  readonly digest: string;
  readonly #options: FixedPicturesOptions;
  readonly #dataset: TrainingDataset;
  #pictures: readonly FixedPicture[] | undefined;

  private constructor(options: FixedPicturesOptions, dataset: TrainingDataset, digest: string) {
    this.#options = options;
    this.#dataset = dataset;
    this.digest = digest;
  }

  /** @throws SvgT2IError as TrainingDataset.open */
  static async open(options: FixedPicturesOptions): Promise<FixedPictures> {
    const dataset = await TrainingDataset.open(options.sets, { captions: false });
    try {
      const { count, seed, data, cellPixels } = options;
      const { resolution, aspect, maxRatio, autoOrient } = data;
      const parts = { count, seed, resolution, aspect, maxRatio, autoOrient, cellPixels };
      const fingerprints = await dataset.fingerprints();
      const digest = createHash('sha256')
        .update(JSON.stringify([parts, fingerprints]))
        .digest('hex');
      return new FixedPictures(options, dataset, digest);
    } catch (error) {
      await dataset.close();
      throw error;
    }
  }

  /**
   * Read once and kept. In place of one that cannot be read, which is told, stands the next of the same shuffled order.
   *
   * @throws SvgT2IError ERR_SVGT2I_DATA where none can be read; or the signal's reason
   */
  async read(onBad: (bad: BadPictureEvent) => void, signal?: AbortSignal): Promise<readonly FixedPicture[]> {
    this.#pictures ??= await this.#read(onBad, signal);
    return this.#pictures;
  }

  async close(): Promise<void> {
    await this.#dataset.close();
  }

  async #read(onBad: (bad: BadPictureEvent) => void, signal?: AbortSignal): Promise<readonly FixedPicture[]> {
    const { data, cellPixels, seed, count, sets } = this.#options;
    const dataset = this.#dataset;
    const options = { ...data, flip: 0, workers: WORKERS, cellPixels, seed };
    const loader = new PictureLoader(dataset, options);
    const pictures: FixedPicture[] = [];
    try {
      for (const index of randomPermutation(dataset.length, seed)) {
        if (pictures.length === count) break;
        signal?.throwIfAborted();
        const { path } = await dataset.item(index);
        try {
          const { image } = await loader.load({ draw: index, index });
          pictures.push({ path, image });
        } catch (error) {
          if (!SvgT2IError.isInstance(error)) throw error;
          onBad({ type: 'bad-picture', path, message: firstLine(error) });
        }
      }
    } finally {
      await loader.endThreads();
    }
    if (pictures.length > 0) return pictures;
    throw new SvgT2IError(
      'ERR_SVGT2I_DATA',
      `no picture of ${sets.map(({ path }) => path).join(', ')} can be read`,
    );
  }
}

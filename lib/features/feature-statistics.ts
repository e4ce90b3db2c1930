/** Mean and deviation of the encoder's features, which normalise latents: computed once over a dataset. */

import type { DitTrainingConfig } from '../config/train-dit.js';
import { randomPermutation } from '../data/random.js';
import { imageTensor } from '../pipeline/tensors.js';
import type { DeviceChoice } from '../processes/device.js';
import { findCellPixels } from '../release/cell-pixels.js';
import { loadRelease } from '../release/load.js';
import { checkResolution } from './check-sizes.js';
import { TrainingDataset } from './dataset.js';
import { frozenOptions } from './frozen-options.js';
import { type Picture, PictureLoader } from './pictures.js';
import { SampleStream } from './sample-stream.js';

export interface StatisticsOptions {
  readonly config: DitTrainingConfig;
  /** File to write, in the original's layout: {mean: (1, C), std: (1, C)} of torch.save. */
  readonly path: string;
  /** Pictures at most, drawn at random by the seed; all where not given. */
  readonly count?: number | undefined;
  readonly device: DeviceChoice;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly onBad?: ((error: Error, index: number) => void) | undefined;
}

export interface StatisticsResult {
  readonly path: string;
  readonly images: number;
  readonly channels: number;
}

/** Pictures that are encoded together. */
const BATCH = 16;

/** Captions are not needed. */
export async function writeFeatureStatistics(options: StatisticsOptions): Promise<StatisticsResult> {
  const { config, path, device, signal, onProgress, onBad } = options;
  const cellPixels = findCellPixels(config.frozen);
  checkResolution(config.data, cellPixels);
  const dataset = await TrainingDataset.open(config.data.sets, { captions: false });
  const pictures = new PictureLoader(dataset, { ...config.data, cellPixels, seed: config.seed });
  try {
    const total = Math.min(options.count ?? dataset.length, dataset.length);
    const chosen = randomPermutation(dataset.length, config.seed).subarray(0, total);
    const stream = new SampleStream<Picture>({
      order: Array.from(chosen, (index, draw) => ({ draw, index })),
      items: dataset.length,
      load: (item) => pictures.load(item),
      ahead: 2 * BATCH,
      maxBadShare: config.data.maxBadShare,
      onBad,
    });
    await using engine = (
      await loadRelease({
        ...frozenOptions(config, device),
        signal,
        parts: ['autoencoder'],
      })
    ).engine;
    for (let done = 0; done < total; ) {
      const batch = await stream.take(Math.min(BATCH, total - done), signal);
      const images = batch.map((_, i) => `image.${i}`);
      const tensors = Object.fromEntries(batch.map(({ image }, i) => [`image.${i}`, imageTensor(image)]));
      await engine.run('statistics-add', { images }, { tensors, signal });
      done += batch.length;
      onProgress?.(done, total);
    }
    const { value } = await engine.run('statistics-save', { path }, { signal });
    return { path, ...value };
  } finally {
    await pictures.close();
  }
}

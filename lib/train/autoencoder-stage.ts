/** Training of a decoder, and of the residual branch, on a frozen encoder, as the loop sees it. */
import { cellPixelsOf } from '../config/latent-grid.js';
import type { AutoencoderTrainingConfig } from '../config/train-autoencoder.js';
import { Engine } from '../engine.js';
import { checkAutoencoderSizes } from '../features/check-sizes.js';
import { TrainingDataset } from '../features/dataset.js';
import type { OrderedItem } from '../features/order.js';
import { PictureLoader } from '../features/pictures.js';
import { SampleStream, type SampleStreamOptions } from '../features/sample-stream.js';
import { gridImage } from '../image/grid.js';
import type { RgbImage } from '../image/rgb-image.js';
import { imageFrom, imageTensor } from '../pipeline/tensors.js';
import { findStart } from '../release/init-from.js';
import { exportAutoencoder, publishedWeights } from './autoencoder-export.js';
import { autoencoderOpenRequest } from './autoencoder-open-request.js';
import type { ExportOptions } from './export-types.js';
import { type OpenOptions, type OpenStage, type StartReport, type StepReport, stepReports } from './stage.js';

export interface AutoencoderSample {
  readonly draw: number;
  readonly image: RgbImage;
}

const GAP_PX = 4;

export async function openAutoencoderStage(
  config: AutoencoderTrainingConfig,
  options: OpenOptions,
): Promise<OpenStage<AutoencoderSample>> {
  checkAutoencoderSizes(config);
  const start = findStart(config.initFrom, 'autoencoder');
  const dataset = await TrainingDataset.open(config.data.sets, { captions: false });
  const pictures = new PictureLoader(dataset, {
    ...config.data,
    cellPixels: cellPixelsOf(config.model.decoder),
    seed: config.seed,
  });
  let engine: Engine | undefined;
  try {
    if (config.loss.lpips === undefined && config.loss.perceptualWeight > 0) {
      options.onWarning('loss.lpips names no weights, so the perceptual part of the loss is left out');
    }
    const { device, threads } = options.device;
    engine = await Engine.create({ device, ...(threads === undefined ? {} : { threads }) });
    const { place } = await options.meet(engine);
    if (place.rank === 0) for (const remark of dataset.remarks) options.onWarning(remark);
    const request = autoencoderOpenRequest(config, {
      start,
      worldSize: place.worldSize,
      plain: options.plain,
    });
    const { value } = await engine.run('train-open', request, { signal: options.signal });
    return new AutoencoderStage(config, { engine, pictures, items: dataset.length, start: value });
  } catch (error) {
    await pictures.close();
    await engine?.dispose();
    throw error;
  }
}

class AutoencoderStage implements OpenStage<AutoencoderSample> {
  readonly engine: Engine;
  readonly start: StartReport;
  readonly items: number;
  readonly #config: AutoencoderTrainingConfig;
  readonly #pictures: PictureLoader;
  #originals: readonly RgbImage[] | undefined;

  constructor(
    config: AutoencoderTrainingConfig,
    parts: {
      readonly engine: Engine;
      readonly pictures: PictureLoader;
      readonly items: number;
      readonly start: StartReport;
    },
  ) {
    this.#config = config;
    this.#pictures = parts.pictures;
    this.engine = parts.engine;
    this.items = parts.items;
    this.start = parts.start;
  }

  stream(...[order, ahead, onBad]: Parameters<OpenStage<AutoencoderSample>['stream']>) {
    return this.#stream(order, { ahead, maxBadShare: this.#config.data.maxBadShare, onBad });
  }

  #stream(
    order: Iterable<OrderedItem>,
    options: Pick<SampleStreamOptions<AutoencoderSample>, 'ahead' | 'maxBadShare' | 'onBad'>,
  ) {
    return new SampleStream<AutoencoderSample>({
      order,
      items: this.items,
      load: async (item) => ({ draw: item.draw, image: (await this.#pictures.load(item)).image }),
      ...options,
    });
  }

  async step(request: Parameters<OpenStage<AutoencoderSample>['step']>[0]): Promise<void> {
    const { lr, samples, signal } = request;
    const names = samples.map((_, i) => `image.${i}`);
    const tensors = Object.fromEntries(
      samples.map(({ image }, i) => [`image.${i}`, imageTensor(image)] as const),
    );
    await this.engine.run(
      'train-step',
      {
        lr,
        globalBatch: this.#config.batch.global,
        draws: samples.map(({ draw }) => draw),
        images: names,
        microBatch: this.#config.batch.micro ?? names.length,
      },
      { tensors, signal },
    );
  }

  reports(): Promise<readonly StepReport[]> {
    return stepReports(this.engine);
  }

  /** Originals above, what the autoencoder makes of them below. */
  async drawSamples(isFirst: boolean, signal?: AbortSignal): Promise<RgbImage | undefined> {
    const weights = publishedWeights(this.#config);
    await this.engine.run('train-publish', { weights, dtype: 'fp32' }, { signal });
    if (!isFirst) return undefined;
    this.#originals ??= await this.#readOriginals();
    const rebuilt: RgbImage[] = [];
    // One at a time: Autoencoder-R aligns its two branches over the whole batch.
    for (const image of this.#originals) {
      const tensors = { 'image.0': imageTensor(image) };
      const { tensors: latents } = await this.engine.run('encode', {}, { tensors, signal });
      const { tensors: images } = await this.engine.run('decode', {}, { tensors: latents, signal });
      rebuilt.push(imageFrom(images, 'image.0'));
    }
    return gridImage([...this.#originals, ...rebuilt], { columns: this.#originals.length, gapPx: GAP_PX });
  }

  buckets(signal?: AbortSignal) {
    return this.#pictures.buckets(signal);
  }

  exportTo(folder: string, options: ExportOptions): Promise<readonly string[]> {
    return exportAutoencoder(this.engine, this.#config, { folder, ...options });
  }

  async close(): Promise<void> {
    await this.#pictures.close();
    await this.engine.dispose();
  }

  /** The first pictures of the data that can be read, prepared as in training. */
  async #readOriginals(): Promise<readonly RgbImage[]> {
    const count = Math.min(this.items, this.#config.samples.count);
    const order = Array.from({ length: count }, (_, index) => ({ draw: index, index }));
    // Which ones are bad, and whether too many, is for the stream of training to say.
    const samples = await this.#stream(order, { ahead: count, maxBadShare: 1 }).take(count);
    return samples.map(({ image }) => image);
  }
}

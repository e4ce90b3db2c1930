/** Training of the diffusion transformer on frozen encoders, as the loop sees it. */

import { modelSchema } from '../config/model.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import { SvgT2IError } from '../errors.js';
import { checkCacheSource, readCacheIndex, readFeaturePlaces } from '../features/cache-index.js';
import { cacheSource } from '../features/cache-source.js';
import { checkDitSizes, checkSampleSizes } from '../features/check-sizes.js';
import { dataNeeds, TrainingDataset } from '../features/dataset.js';
import { settleEncoderPrecision } from '../features/encoder-precision.js';
import { frozenOptions, loadEncoders } from '../features/frozen-options.js';
import { PictureLoader } from '../features/pictures.js';
import { SampleStream } from '../features/sample-stream.js';
import type { RgbImage } from '../image/rgb-image.js';
import { findCellPixels } from '../release/cell-pixels.js';
import { findStart } from '../release/init-from.js';
import { findRelease, type ReleaseLayout } from '../release/layout.js';
import { type Loaded, withOwnEncoder } from '../release/load.js';
import type { ReleasePart } from '../release/types.js';
import { exportDit } from './dit-export.js';
import { drawGrid } from './dit-grid.js';
import { ditOpenRequest } from './dit-open-request.js';
import {
  cachedSamples,
  type DitSample,
  type DitSamples,
  ditStepJob,
  labelledSamples,
  liveSamples,
} from './dit-samples.js';
import type { ExportOptions } from './export-types.js';
import { type OpenOptions, type OpenStage, type StartReport, type StepReport, stepReports } from './stage.js';

export async function openDitStage(
  config: DitTrainingConfig,
  options: OpenOptions,
): Promise<OpenStage<DitSample>> {
  // What the user may have got wrong is looked at before any weights are loaded.
  const cellPixels = findCellPixels(config.frozen);
  checkDitSizes(config, cellPixels);
  checkSampleSizes(config, cellPixels);
  const start = findStart(config.initFrom, 'dit');
  const dataset = await TrainingDataset.open(config.data.sets, dataNeeds(config.model));
  let loaded: Loaded | undefined;
  let samples: DitSamples | undefined;
  try {
    loaded = await loadFrozen(config, options);
    const cache = await openCache(config, dataset, loaded, options.onWarning);
    samples =
      cache === undefined
        ? await openLive(config, dataset, loaded, cellPixels)
        : cachedSamples(cache, dataset);
    const remark =
      cache === undefined
        ? await settleEncoderPrecision(loaded, config.encoderPrecision, imageReader(samples), {
            items: dataset.length,
            signal: options.signal,
          })
        : undefined;
    const { place } = await options.meet(loaded.engine);
    const remarks = [...dataset.remarks, ...(remark === undefined ? [] : [remark])];
    if (place.rank === 0) for (const each of remarks) options.onWarning(each);
    const { value } = await loaded.engine.run(
      'train-open',
      ditOpenRequest(config, {
        start,
        worldSize: place.worldSize,
        cellPixels,
        cache: cache?.shards,
        plain: options.plain,
      }),
      { signal: options.signal },
    );
    const { length: items, classes } = dataset;
    return new DitStage(config, { loaded, samples, items, classes, start: value, cellPixels });
  } catch (error) {
    await (samples?.close() ?? dataset.close());
    await loaded?.tokenizer?.dispose();
    await loaded?.engine.dispose();
    throw error;
  }
}

/** With a cache the encoders are needed for nothing but the pictures that the run draws. */
async function loadFrozen(config: DitTrainingConfig, options: OpenOptions): Promise<Loaded> {
  const isCached = config.data.cache !== undefined;
  const parts: readonly ReleasePart[] =
    isCached && config.samples.every === 0
      ? ['statistics']
      : config.model.kind === 'svg'
        ? ['autoencoder', 'statistics']
        : ['textEncoder', 'autoencoder', 'statistics'];
  const loaded = await loadEncoders({
    ...frozenOptions(config, options.device),
    parts,
    signal: options.signal,
  });
  for (const message of loaded.layout.warnings) options.onWarning(message);
  return loaded;
}

async function openLive(
  config: DitTrainingConfig,
  dataset: TrainingDataset,
  { tokenizer }: Loaded,
  cellPixels: number,
): Promise<DitSamples> {
  const { model } = config;
  if (model.kind === 'svg') {
    const pictures = new PictureLoader(dataset, { ...config.data, cellPixels, seed: config.seed });
    return labelledSamples(pictures, model.num_classes);
  }
  if (tokenizer === undefined)
    throw new SvgT2IError('ERR_SVGT2I_INTERNAL', 'the text encoder was not loaded');
  const pictures = new PictureLoader(dataset, { ...config.data, cellPixels, seed: config.seed });
  try {
    return await liveSamples(pictures, tokenizer, config.captions.maxTokens);
  } catch (error) {
    await pictures.close();
    throw error;
  }
}

function imageReader(samples: DitSamples): (index: number) => Promise<RgbImage> {
  return async (index) => {
    const sample = await samples.load({ draw: index, index });
    if ('image' in sample) return sample.image;
    throw new SvgT2IError('ERR_SVGT2I_INTERNAL', 'features of a cache are no pictures');
  };
}

async function openCache(
  config: DitTrainingConfig,
  dataset: TrainingDataset,
  loaded: Loaded,
  onWarning: (message: string) => void,
) {
  const folder = config.data.cache;
  if (folder === undefined) return undefined;
  const index = await readCacheIndex(folder);
  const fix = `Run svg-t2i cache --config FILE --out ${folder} with this configuration.`;
  if (index === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', `${folder} holds no feature cache`, { hint: fix });
  }
  if (!index.complete) {
    throw new SvgT2IError('ERR_SVGT2I_DATA', `the cache ${folder} is not finished`, { hint: fix });
  }
  const source = await cacheSource(config, dataset, await encodersOf(config, loaded, onWarning));
  for (const set of checkCacheSource(folder, index, source)) {
    onWarning(
      `the cache ${folder} is from an earlier version, without a hash of ${set}: only names, lengths and numbers were compared; svg-t2i cache on it adds the hash`,
    );
  }
  return await readFeaturePlaces(folder, index);
}

/** A run that draws nothing does not load the encoders, and may do without them. */
async function encodersOf(
  { frozen, data, model }: DitTrainingConfig,
  { layout, engine }: Loaded,
  onWarning: (message: string) => void,
): Promise<ReleaseLayout> {
  const needs: readonly ReleasePart[] =
    model.kind === 'svg' ? ['autoencoder'] : ['textEncoder', 'autoencoder'];
  if (layout.autoencoder !== undefined && (model.kind === 'svg' || layout.textEncoder !== undefined))
    return layout;
  let found: ReleaseLayout;
  try {
    found = findRelease(modelSchema.parse(frozen), needs);
  } catch (error) {
    if (!SvgT2IError.isInstance(error) || error.code !== 'ERR_SVGT2I_WEIGHTS_MISSING') throw error;
    onWarning(`the encoders are not there, so ${data.cache} is not checked against their weights`);
    return layout;
  }
  const { checkpoint = '', encoder } = found.autoencoder ?? {};
  if (encoder === undefined) return found;
  const { value } = await engine.run('encoder-source', { checkpoint, encoder });
  return value.ownEncoder ? withOwnEncoder(found) : found;
}

class DitStage implements OpenStage<DitSample> {
  readonly engine: Loaded['engine'];
  readonly start: StartReport;
  readonly items: number;
  readonly #config: DitTrainingConfig;
  readonly #loaded: Loaded;
  readonly #samples: DitSamples;
  readonly #cellPixels: number;
  readonly #classes: readonly string[];

  constructor(
    config: DitTrainingConfig,
    parts: {
      readonly loaded: Loaded;
      readonly samples: DitSamples;
      readonly items: number;
      readonly classes: readonly string[];
      readonly start: StartReport;
      readonly cellPixels: number;
    },
  ) {
    this.#config = config;
    this.#loaded = parts.loaded;
    this.#samples = parts.samples;
    this.engine = parts.loaded.engine;
    this.items = parts.items;
    this.#classes = parts.classes;
    this.start = parts.start;
    this.#cellPixels = parts.cellPixels;
  }

  stream(...[order, ahead, onBad]: Parameters<OpenStage<DitSample>['stream']>): SampleStream<DitSample> {
    return new SampleStream({
      order,
      items: this.items,
      load: (item) => this.#samples.load(item),
      ahead,
      maxBadShare: this.#config.data.maxBadShare,
      onBad,
    });
  }

  async step(request: Parameters<OpenStage<DitSample>['step']>[0]): Promise<void> {
    const job = ditStepJob(this.#config, request, this.#samples.dropped, this.#cellPixels);
    await this.engine.run('train-step', job.request, { tensors: job.tensors, signal: request.signal });
  }

  reports(): Promise<readonly StepReport[]> {
    return stepReports(this.engine);
  }

  async drawSamples(isFirst: boolean, signal?: AbortSignal) {
    const { weights } = this.#config.samples;
    await this.engine.run('train-publish', { weights, dtype: this.#loaded.models.dtype }, { signal });
    return isFirst ? await drawGrid(this.#config, this.#loaded, this.start.parameters, signal) : undefined;
  }

  buckets(signal?: AbortSignal) {
    return this.#samples.buckets(signal);
  }

  exportTo(folder: string, options: ExportOptions): Promise<readonly string[]> {
    const { statistics } = this.#loaded.layout;
    return exportDit(this.engine, this.#config, { folder, statistics, classes: this.#classes, ...options });
  }

  async close(): Promise<void> {
    await this.#samples.close();
    await this.#loaded.tokenizer?.dispose();
    await this.engine.dispose();
  }
}

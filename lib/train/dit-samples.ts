/** Training samples of the DiT, from pictures or from a feature cache, and the engine's request of a step on them. */

import type { DitTrainingConfig } from '../config/train-dit.js';
import { SvgT2IError } from '../errors.js';
import { type BucketCounts, countedBuckets } from '../features/bucket-counts.js';
import type { FeaturePlaces } from '../features/cache-index.js';
import type { TrainingDataset } from '../features/dataset.js';
import type { OrderedItem } from '../features/order.js';
import type { PictureLoader } from '../features/pictures.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { NativeTensor } from '../native/binding.js';
import type { DitStepItem, DitStepRequest } from '../native/training-jobs.js';
import { tokensTensor } from '../pipeline/captions.js';
import { imageTensor } from '../pipeline/tensors.js';
import type { OpenTokenizer } from '../text/open-tokenizer.js';
import { unanswered } from '../text/unanswered.js';
import type { StepRequest } from './stage.js';

export type DitSample =
  | { readonly draw: number; readonly image: RgbImage; readonly tokens: readonly number[] }
  | { readonly draw: number; readonly image: RgbImage; readonly class: number }
  | { readonly draw: number; readonly shard: number; readonly row: number };

/** What takes the place of a dropped caption or class: the empty one, without even the system prompt, or none. */
export type DroppedCaption =
  | { readonly tokens: readonly number[] }
  | { readonly class: number }
  | { readonly shard: number; readonly row: number };

export interface DitSamples {
  readonly dropped: DroppedCaption;
  load(item: OrderedItem): Promise<DitSample>;
  /** How many pictures get each size. */
  buckets(signal?: AbortSignal): Promise<BucketCounts>;
  close(): Promise<void>;
}

export async function liveSamples(
  pictures: PictureLoader,
  tokenizer: OpenTokenizer,
  maxTokens: number,
): Promise<DitSamples> {
  const idsOf = async (text: string) =>
    (await tokenizer.encode([text], { maxLength: maxTokens }))[0]?.ids ?? unanswered();
  return {
    dropped: { tokens: await idsOf('') },
    load: async (item) => {
      const { image, caption } = await pictures.load(item);
      return { draw: item.draw, image, tokens: await idsOf(caption) };
    },
    buckets: (signal) => pictures.buckets(signal),
    close: () => pictures.close(),
  };
}

/** Pictures with their classes; `none` is the number that stands for no class. */
export function labelledSamples(pictures: PictureLoader, none: number): DitSamples {
  return {
    dropped: { class: none },
    load: async (item) => {
      const { image, label = none } = await pictures.load(item);
      return { draw: item.draw, image, class: label };
    },
    buckets: (signal) => pictures.buckets(signal),
    close: () => pictures.close(),
  };
}

/** Of `dataset` nothing is read. */
export function cachedSamples(places: FeaturePlaces, dataset: TrainingDataset): DitSamples {
  return {
    dropped: { shard: places.emptyShard, row: 0 },
    load: async ({ draw, index }) => {
      const place = places.find(index);
      if (place !== undefined) return { draw, ...place };
      throw new SvgT2IError(
        'ERR_SVGT2I_IMAGE',
        `picture ${index} could not be read when the cache was written`,
      );
    },
    buckets: async () => countedBuckets(places.sizes, dataset.length),
    close: () => dataset.close(),
  };
}

interface Job {
  readonly request: DitStepRequest;
  readonly tensors: Readonly<Record<string, NativeTensor>>;
}

/** The engine's `train-step` on `samples`, in micro-batches. */
export function ditStepJob(
  config: DitTrainingConfig,
  step: StepRequest<DitSample>,
  dropped: DroppedCaption,
  cellPixels: number,
): Job {
  const tensors: Record<string, NativeTensor> = {};
  const items = step.samples.map((sample, i): DitStepItem => {
    if (!('image' in sample)) return { draw: sample.draw, shard: sample.shard, row: sample.row };
    tensors[`image.${i}`] = imageTensor(sample.image);
    if ('class' in sample) return { draw: sample.draw, image: `image.${i}`, class: sample.class };
    tensors[`tokens.${i}`] = tokensTensor(sample.tokens);
    return { draw: sample.draw, image: `image.${i}`, tokens: `tokens.${i}` };
  });
  if ('tokens' in dropped) tensors['tokens.dropped'] = tokensTensor(dropped.tokens);
  return {
    tensors,
    request: {
      lr: step.lr,
      globalBatch: config.batch.global,
      captionDropout: config.captions.dropout,
      time: timeRequest(config, cellPixels),
      micro: inGroups(items, config.batch.micro ?? items.length),
      drop: 'tokens' in dropped ? { tokens: 'tokens.dropped' } : { ...dropped },
    },
  };
}

/** The shift follows the square picture of the resolution, whatever the sizes of a batch, as in the original. */
function timeRequest({ time, data, model }: DitTrainingConfig, cellPixels: number): DitStepRequest['time'] {
  const side = data.resolution / (cellPixels * model.patch_size);
  return {
    kind: time.kind,
    mean: time.mean,
    low: time.low,
    high: time.high,
    shiftTokens: time.shift === 'resolution' ? side * side : 0,
    // The engine's moves towards noise where it is above 1.
    shift: typeof time.shift === 'number' ? 1 / time.shift : 1,
  };
}

function inGroups<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

/** Writes a feature cache: the frozen encoders run once over a dataset, so that training reads what they say. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DitTrainingConfig } from '../config/train-dit.js';
import { fileError, SvgT2IError } from '../errors.js';
import { hashFile, makeFolder, removeDeadParts, sync, writeDurably } from '../files.js';
import type { NativeTensor } from '../native/binding.js';
import { tokensTensor } from '../pipeline/captions.js';
import { imageTensor } from '../pipeline/tensors.js';
import type { DeviceChoice } from '../processes/device.js';
import { lockRunFolder, type RunLock } from '../processes/run-lock.js';
import { findCellPixels } from '../release/cell-pixels.js';
import { findFolder } from '../release/folder.js';
import type { Loaded } from '../release/load.js';
import { unanswered } from '../text/unanswered.js';
import { BadItems } from './bad-items.js';
import type { BucketCounts } from './bucket-counts.js';
import {
  type CacheIndex,
  type CacheShard,
  checkCacheSource,
  EMPTY_SHARD,
  INDEX_NAME,
  readCacheIndex,
} from './cache-index.js';
import { readShards, removeUnfinishedShards, shardName } from './cache-shards.js';
import { cacheSource } from './cache-source.js';
import { checkDitSizes } from './check-sizes.js';
import { dataNeeds, TrainingDataset } from './dataset.js';
import { settleEncoderPrecision } from './encoder-precision.js';
import { frozenOptions, loadEncoders } from './frozen-options.js';
import { type Picture, PictureLoader } from './pictures.js';
import { SizeGroups } from './size-groups.js';
import { startSoftCapWarning, trainingSoftCap } from './soft-cap.js';

export interface CacheOptions {
  readonly config: DitTrainingConfig;
  readonly folder: string;
  readonly device: DeviceChoice;
  /** Of the stored features: that of a cache that is completed, else bf16, where not given. */
  readonly dtype?: CacheIndex['dtype'] | undefined;
  /** Pictures of one shard at most. */
  readonly shardSize: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: CacheEvent) => void) | undefined;
}

export type CacheEvent =
  | { readonly type: 'start'; readonly items: number; readonly done: number }
  | ({ readonly type: 'buckets' } & BucketCounts)
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'bad-item'; readonly index: number; readonly message: string }
  | { readonly type: 'warning'; readonly message: string };

export interface CacheResult {
  readonly folder: string;
  readonly items: number;
  readonly shards: number;
  readonly bad: number;
  readonly bytes: number;
  /** Pictures that this call encoded; the others were there. */
  readonly encoded: number;
  /** To encode a picture and its caption, and to read them from the cache instead. */
  readonly encodeMs: number;
  readonly readMs: number;
}

/**
 * Writes the features of every picture and caption of `config.data`. A call that was interrupted is completed by the
 * next one.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISMATCH or ERR_SVGT2I_INVALID_CONFIG where the folder holds a cache that was
 *   made from something else; the reason of `signal`
 */
export async function writeFeatureCache(options: CacheOptions): Promise<CacheResult> {
  const { config, folder, signal, device } = options;
  if (config.data.flip > 0) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      'data.flip: must be 0 for a cache, which holds each picture once',
    );
  }
  const cellPixels = findCellPixels(config.frozen);
  checkDitSizes(config, cellPixels);
  const dataset = await TrainingDataset.open(config.data.sets, dataNeeds(config.model));
  const pictures = new PictureLoader(dataset, { ...config.data, cellPixels, seed: config.seed });
  let loaded: Loaded | undefined;
  try {
    await makeFolder(folder);
    const onWarning = (message: string) => options.onEvent?.({ type: 'warning', message });
    const warning = startSoftCapWarning(config);
    if (warning !== undefined) onWarning(warning);
    const lock = await lockRunFolder(folder, { signal, onWait: onWarning, onWarning });
    try {
      await removeDeadParts(folder, { onWarning });
      loaded = await loadEncoders({
        ...frozenOptions(config, device),
        attentionSoftCap: trainingSoftCap(config, findFolder(config.frozen)),
        signal,
        parts: config.model.kind === 'svg' ? ['autoencoder'] : ['textEncoder', 'autoencoder'],
      });
      const remark = await settleEncoderPrecision(
        loaded,
        config.encoderPrecision,
        async (index) => (await pictures.load({ draw: index, index })).image,
        { items: dataset.length, signal },
      );
      if (remark !== undefined) onWarning(remark);
      return await new CacheWriter(options, { loaded, pictures, lock, dataset }).write();
    } finally {
      await lock.release();
    }
  } finally {
    await pictures.close();
    await loaded?.tokenizer?.dispose();
    await loaded?.engine.dispose();
  }
}

/** Pictures that are decoded or wait for their shard, at most. */
const MAX_HELD_BYTES = 1024 ** 3;

class CacheWriter {
  readonly #options: CacheOptions;
  readonly #loaded: Loaded;
  readonly #pictures: PictureLoader;
  readonly #lock: RunLock;
  readonly #dataset: TrainingDataset;
  readonly #items: number;
  readonly #shards = new Map<string, CacheShard>();
  readonly #bad: BadItems;
  readonly #badIndices = new Set<number>();
  #dtype: CacheIndex['dtype'] = 'bf16';
  #nextShard = 0;
  #encoded = 0;
  #encodeMs = 0;

  constructor(
    options: CacheOptions,
    parts: {
      readonly loaded: Loaded;
      readonly pictures: PictureLoader;
      readonly lock: RunLock;
      readonly dataset: TrainingDataset;
    },
  ) {
    this.#options = options;
    this.#loaded = parts.loaded;
    this.#pictures = parts.pictures;
    this.#lock = parts.lock;
    this.#dataset = parts.dataset;
    this.#items = parts.dataset.length;
    this.#bad = new BadItems({
      items: parts.dataset.length,
      maxShare: options.config.data.maxBadShare,
      onBad: (error, index) => {
        this.#badIndices.add(index);
        options.onEvent?.({ type: 'bad-item', index, message: error.message });
      },
    });
  }

  async write(): Promise<CacheResult> {
    const { folder, config, onEvent } = this.#options;
    const remarks = [...this.#dataset.remarks, ...this.#loaded.layout.warnings];
    for (const message of remarks) onEvent?.({ type: 'warning', message });
    const source = await cacheSource(config, this.#dataset, this.#loaded.layout);
    const earlier = await readCacheIndex(folder);
    const uncompared = earlier === undefined ? [] : checkCacheSource(folder, earlier, source);
    for (const set of uncompared) {
      const message = `the cache ${folder} is from an earlier version, without a hash of ${set}: its pictures and captions are taken to be the same, and the hash is added`;
      onEvent?.({ type: 'warning', message });
    }
    this.#dtype = this.#chooseDtype(earlier);
    for (const [name, shard] of await readShards(folder)) this.#shards.set(name, shard);
    const isWhole = earlier?.complete === true && earlier.shards.every((name) => this.#shards.has(name));
    if (!isWhole) {
      await removeUnfinishedShards(folder, this.#shards);
      await this.#writeIndex({ ...source, complete: false, millisecondsPerImage: 0 });
      await this.#writeEmptyCaption();
      await this.#encodeMissing();
      const millisecondsPerImage = this.#encodeMs / Math.max(1, this.#encoded);
      await this.#writeIndex({ ...source, complete: true, millisecondsPerImage });
    }
    if (isWhole && uncompared.length > 0) await writeIndex(folder, { ...earlier, ...source });
    return await this.#result(isWhole ? earlier : undefined);
  }

  #chooseDtype(earlier: CacheIndex | undefined): CacheIndex['dtype'] {
    const { dtype, folder } = this.#options;
    if (dtype === undefined || earlier === undefined || earlier.dtype === dtype) {
      return dtype ?? earlier?.dtype ?? 'bf16';
    }
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      `the cache ${folder} is in ${earlier.dtype}, not ${dtype}`,
      {
        hint: 'Leave the dtype out, or choose another folder.',
      },
    );
  }

  async #writeIndex(
    fields: Pick<CacheIndex, 'config' | 'weights' | 'items' | 'complete' | 'millisecondsPerImage'>,
  ) {
    const index: CacheIndex = {
      version: 1,
      ...fields,
      dtype: this.#dtype,
      shards: [...this.#shards.keys()].sort(),
      bad: [...this.#badIndices].sort((a, b) => a - b),
    };
    await this.#lock.check();
    await writeIndex(this.#options.folder, index);
  }

  /** The caption, or the class, that takes the place of dropped ones. */
  async #writeEmptyCaption(): Promise<void> {
    const { folder, signal } = this.#options;
    const path = join(folder, EMPTY_SHARD);
    const none = this.#classes;
    if (none !== undefined) {
      const request = { path, dtype: this.#dtype, classes: none, items: [{ class: none }] };
      await this.#loaded.engine.run('cache-write', request, { signal });
      await sync(path);
      return;
    }
    const tensors = { tokens: tokensTensor((await this.#tokens(['']))[0] ?? unanswered()) };
    await this.#loaded.engine.run(
      'cache-write',
      { path, dtype: this.#dtype, items: [{ tokens: 'tokens' }] },
      { tensors, signal },
    );
    await sync(path);
  }

  async #encodeMissing(): Promise<void> {
    const { shardSize, signal, onEvent } = this.#options;
    const present = new Set([...this.#shards.values()].flatMap(({ items }) => items));
    const missing = Array.from({ length: this.#items }, (_, index) => index).filter(
      (index) => !present.has(index),
    );
    this.#nextShard =
      1 + Math.max(-1, ...[...this.#shards.keys()].map((name) => Number(/\d+/.exec(name)?.[0])));
    const buckets = await this.#pictures.buckets(signal);
    onEvent?.({ type: 'buckets', ...buckets });
    onEvent?.({ type: 'start', items: this.#items, done: present.size });
    const groups = new SizeGroups<Picture & { readonly index: number }>(({ image }) => image, MAX_HELD_BYTES);
    let done = present.size;
    for await (const picture of this.#decoded(missing)) {
      signal?.throwIfAborted();
      for (const group of groups.add(picture, shardSize)) {
        await this.#writeShard(group);
        done += group.length;
        onEvent?.({ type: 'progress', done });
      }
    }
    for (const group of groups.rest()) {
      signal?.throwIfAborted();
      await this.#writeShard(group);
      done += group.length;
      onEvent?.({ type: 'progress', done });
    }
  }

  /** Decoded ahead, in order; bad ones are left out. */
  async *#decoded(indices: readonly number[]): AsyncGenerator<Picture & { readonly index: number }> {
    const ahead = Math.max(8, this.#options.shardSize);
    const load = (index: number) =>
      this.#bad
        .attempt(index, () => this.#pictures.load({ draw: index, index }))
        .then((picture) => ({ picture, index }))
        .catch((error: unknown) => ({ error }));
    const inFlight: ReturnType<typeof load>[] = [];
    for (let next = 0; next < indices.length || inFlight.length > 0; ) {
      while (inFlight.length < ahead && next < indices.length) inFlight.push(load(indices[next++] as number));
      const outcome = await (inFlight.shift() as ReturnType<typeof load>);
      if ('error' in outcome) throw outcome.error;
      if (outcome.picture !== undefined) yield { ...outcome.picture, index: outcome.index };
    }
  }

  async #writeShard(group: readonly (Picture & { readonly index: number })[]): Promise<void> {
    const { folder, signal } = this.#options;
    const name = shardName(this.#nextShard++);
    const path = join(folder, `${name}.safetensors`);
    const tensors: Record<string, NativeTensor> = {};
    const classes = this.#classes;
    const tokens = classes === undefined ? await this.#tokens(group.map(({ caption }) => caption)) : [];
    const items = group.map(({ image, label }, i) => {
      tensors[`image.${i}`] = imageTensor(image);
      if (classes !== undefined) return { image: `image.${i}`, class: label ?? classes };
      tensors[`tokens.${i}`] = tokensTensor(tokens[i] ?? unanswered());
      return { image: `image.${i}`, tokens: `tokens.${i}` };
    });
    const begin = performance.now();
    await this.#lock.check();
    const request = { path, dtype: this.#dtype, ...(classes === undefined ? {} : { classes }), items };
    await this.#loaded.engine.run('cache-write', request, { tensors, signal });
    this.#encodeMs += performance.now() - begin;
    this.#encoded += group.length;
    await sync(path);
    const { width = 0, height = 0 } = group[0]?.image ?? {};
    const shard: CacheShard = {
      items: group.map(({ index }) => index),
      width,
      height,
      ...(await hashFile(path)),
    };
    await this.#lock.check();
    await writeDurably(join(folder, `${name}.json`), `${JSON.stringify(shard)}\n`);
    this.#shards.set(name, shard);
  }

  /** How many classes a class-conditional model has; undefined for one that reads captions. */
  get #classes(): number | undefined {
    const { model } = this.#options.config;
    return model.kind === 'svg' ? model.num_classes : undefined;
  }

  async #tokens(captions: readonly string[]): Promise<readonly (readonly number[])[]> {
    const { tokenizer } = this.#loaded;
    if (tokenizer === undefined)
      throw new SvgT2IError('ERR_SVGT2I_NOT_LOADED', 'the text encoder was not loaded');
    const { maxTokens: maxLength } = this.#options.config.captions;
    return (await tokenizer.encode(captions, { maxLength })).map(({ ids }) => ids);
  }

  async #result(complete: CacheIndex | undefined): Promise<CacheResult> {
    const { folder } = this.#options;
    const shards = [...this.#shards.values()];
    return {
      folder,
      items: this.#items,
      shards: shards.length,
      bad: complete?.bad.length ?? this.#bad.size,
      bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
      encoded: this.#encoded,
      encodeMs: complete?.millisecondsPerImage ?? this.#encodeMs / Math.max(1, this.#encoded),
      readMs: await this.#measureReading(),
    };
  }

  /** Milliseconds to read a picture's features, over one shard. */
  async #measureReading(): Promise<number> {
    const [first] = this.#shards;
    if (first === undefined) return 0;
    const [name, { items }] = first;
    const path = join(this.#options.folder, `${name}.safetensors`);
    const begin = performance.now();
    try {
      await readFile(path);
    } catch (error) {
      throw fileError(error, 'read', path);
    }
    return (performance.now() - begin) / items.length;
  }
}

function writeIndex(folder: string, index: CacheIndex): Promise<void> {
  return writeDurably(join(folder, INDEX_NAME), `${JSON.stringify(index, null, 1)}\n`);
}

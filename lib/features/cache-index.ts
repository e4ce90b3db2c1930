/**
 * A feature cache on disk: shards NAME.safetensors with NAME.json (which pictures they hold), empty.safetensors with the
 * empty caption, and index.json that says what everything was made from.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EARLIER_VALUES } from '../config/train.js';
import { fileError, SvgT2IError } from '../errors.js';
import { STORED_DTYPES } from '../facts.js';
import { readText } from '../regular-file.js';

/** An index of some millions of pictures. */
const MAX_JSON_BYTES = 128 * 1024 * 1024;

export const INDEX_NAME = 'index.json';
/** The caption that takes the place of dropped ones. */
export const EMPTY_SHARD = 'empty.safetensors';

/** Last part of the key under which the SHA-256 of a set stands: of its list, or of the names and sizes in a folder. */
export const CONTENT = 'sha256';

export const SOFT_CAP_KEY = 'frozen.attentionSoftCap';

const textMap = z.record(z.string(), z.string());

const indexSchema = z.object({
  version: z.literal(1),
  /** Values of the configuration that the features depend on, as JSON texts. */
  config: textMap,
  /** SHA-256 of every file of weights that the features come from, by part. */
  weights: textMap,
  items: z.number().int().positive(),
  dtype: z.enum(STORED_DTYPES),
  /** False while it is being written. */
  complete: z.boolean(),
  /** Names of the shards, without extension. */
  shards: z.array(z.string().regex(/^shard-\d+$/)),
  /** Pictures that could not be read. */
  bad: z.array(z.number()),
  /** What encoding took, to compare with reading. */
  millisecondsPerImage: z.number(),
});

const shardSchema = z.object({
  /** Numbers of the pictures, row by row. */
  items: z.array(z.number().int().nonnegative()).min(1),
  width: z.number(),
  height: z.number(),
  bytes: z.number(),
  sha256: z.string(),
});

export type CacheIndex = z.output<typeof indexSchema>;
export type CacheShard = z.output<typeof shardSchema>;

/** What a cache was, or would be, made from. */
export type CacheSource = Pick<CacheIndex, 'config' | 'weights' | 'items'>;

/** Undefined where the folder has no index. */
export async function readCacheIndex(folder: string): Promise<CacheIndex | undefined> {
  return await readJson(join(folder, INDEX_NAME), indexSchema);
}

/** Undefined where the shard is not there. */
export async function readCacheShard(folder: string, name: string): Promise<CacheShard | undefined> {
  return await readJson(join(folder, `${name}.json`), shardSchema);
}

async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  let text: string;
  try {
    text = await readText(path, { maxBytes: MAX_JSON_BYTES });
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is no part of a feature cache`, {
      cause: error,
    });
  }
}

/**
 * Refuses a cache that was made from something else, naming what differs; returns the sets whose content could not be compared,
 * as the cache is from before their hashes were kept.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISMATCH for other weights, ERR_SVGT2I_INVALID_CONFIG for other settings
 */
export function checkCacheSource(folder: string, index: CacheIndex, wanted: CacheSource): readonly string[] {
  const hint = 'Write the cache anew into another folder, or leave data.cache out.';
  const uncompared: string[] = [];
  for (const [part, hash] of Object.entries(wanted.weights)) {
    if (index.weights[part] === hash) continue;
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISMATCH',
      `the cache ${folder} was made with another ${part} (SHA-256 ${short(index.weights[part])}, not ${short(hash)})`,
      { hint },
    );
  }
  for (const [key, value] of Object.entries({ ...wanted.config, items: String(wanted.items) })) {
    const cached = key === 'items' ? String(index.items) : (index.config[key] ?? EARLIER_VALUES[key]);
    if (cached === value) continue;
    const isContent = key.endsWith(`.${CONTENT}`);
    if (isContent && cached === undefined) {
      uncompared.push(contentName(key));
      continue;
    }
    const message = isContent
      ? `was made from other pictures or captions: ${contentName(key)} has SHA-256 ${short(value)}, not ${short(cached)}`
      : `was made with ${key} ${cached ?? 'unset'}, not ${value}`;
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `the cache ${folder} ${message}`, { hint });
  }
  return uncompared;
}

/** Such as data.sets.0. */
function contentName(key: string): string {
  return key.slice(0, -CONTENT.length - 1);
}

/** Of a hash, or of one as a JSON text. */
function short(hash: string | undefined): string {
  return hash === undefined ? 'unknown' : hash.replaceAll('"', '').slice(0, 12);
}

const AGAIN = 'Run svg-t2i cache again: it writes what is missing.';

/** Hashing terabytes at every start would take too long; a cut or missing file is found at once. */
async function checkLength(path: string, bytes: number): Promise<void> {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  if (size === bytes) return;
  throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} has ${size} bytes, not ${bytes}`, { hint: AGAIN });
}

/** Where a run finds the features of each picture. */
export interface FeaturePlaces {
  /** Paths, the empty caption's last. */
  readonly shards: readonly string[];
  readonly emptyShard: number;
  /** Sizes of the pictures, and how many a shard has. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly count: number }[];
  /** Undefined for a picture that could not be read. */
  find(item: number): { readonly shard: number; readonly row: number } | undefined;
}

export async function readFeaturePlaces(folder: string, index: CacheIndex): Promise<FeaturePlaces> {
  const shardOf = new Int32Array(index.items).fill(-1);
  const rowOf = new Int32Array(index.items);
  const sizes: { width: number; height: number; count: number }[] = [];
  for (const [shard, name] of index.shards.entries()) {
    const description = await readCacheShard(folder, name);
    if (description === undefined) {
      throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', `the cache ${folder} lacks ${name}.json`, {
        hint: AGAIN,
      });
    }
    await checkLength(join(folder, `${name}.safetensors`), description.bytes);
    const { width, height, items } = description;
    sizes.push({ width, height, count: items.length });
    items.forEach((item, row) => {
      shardOf[item] = shard;
      rowOf[item] = row;
    });
  }
  return {
    shards: [...index.shards.map((name) => join(folder, `${name}.safetensors`)), join(folder, EMPTY_SHARD)],
    emptyShard: index.shards.length,
    sizes,
    find: (item) => {
      const shard = shardOf[item] ?? -1;
      return shard < 0 ? undefined : { shard, row: rowOf[item] ?? 0 };
    },
  };
}

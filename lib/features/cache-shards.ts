/** The shards of a feature cache that are whole: features and their description, the latter written last. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../errors.js';
import { type CacheShard, readCacheShard } from './cache-index.js';

const NAME = /^(shard-\d{6,})\.json$/;

export function shardName(number: number): string {
  return `shard-${String(number).padStart(6, '0')}`;
}

/** By name. A shard whose features have another length than described is left out. */
export async function readShards(folder: string): Promise<ReadonlyMap<string, CacheShard>> {
  const shards = new Map<string, CacheShard>();
  for (const entry of (await list(folder)).sort()) {
    const name = NAME.exec(entry)?.[1];
    const shard = name === undefined ? undefined : await readCacheShard(folder, name);
    if (name === undefined || shard === undefined) continue;
    const bytes = await stat(join(folder, `${name}.safetensors`)).then(
      ({ size }) => size,
      () => undefined,
    );
    if (bytes === shard.bytes) shards.set(name, shard);
  }
  return shards;
}

/** What an interrupted call left. */
export async function removeUnfinishedShards(
  folder: string,
  whole: ReadonlyMap<string, CacheShard>,
): Promise<void> {
  for (const entry of await list(folder)) {
    const name = /^(shard-\d+)\.(json|safetensors)/.exec(entry)?.[1];
    if (name !== undefined && !whole.has(name)) await rm(join(folder, entry), { force: true });
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}

/** Which weights draw: the files of a release that decide its pictures, by their hashes. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { fileError } from '../../errors.js';
import { hashFile } from '../../files.js';
import type { ReleaseLayout } from '../../release/layout.js';

export const weightsFileSchema = z.object({
  /** `dit`, `weakDit`, `autoencoder`, `statistics` or `textEncoder`. */
  part: z.string(),
  path: z.string(),
  bytes: z.number(),
  /** Milliseconds since 1970. */
  modified: z.number(),
  sha256: z.string(),
});

/** One file of a release. */
export type WeightsFile = z.output<typeof weightsFileSchema>;

/** A shard's number, as in consolidated.00-of-02.pth and model-00001-of-00002.safetensors. */
const SHARD = /(\d+)-of-(\d+)/;
/** What of a text encoder's folder decides what it says. */
const OF_TEXT = /\.(safetensors|json|model)$/;

export interface HashOptions {
  /** Those of an earlier run: a file of the same size and time is not read again. */
  readonly known: readonly WeightsFile[];
  readonly signal: AbortSignal | undefined;
  readonly onFile: (done: number, total: number) => void;
}

/**
 * The hash of each file that decides pictures. The encoder of the autoencoder is not among them: drawing needs none.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO or ERR_SVGT2I_FILE_NOT_FOUND; or the signal's reason
 */
export async function hashWeights(
  layout: ReleaseLayout,
  { known, signal, onFile }: HashOptions,
): Promise<readonly WeightsFile[]> {
  const files = await filesOf(layout);
  const hashed: WeightsFile[] = [];
  for (const [i, { part, path }] of files.entries()) {
    signal?.throwIfAborted();
    onFile(i, files.length);
    const { size: bytes, mtimeMs: modified } = await statOf(path);
    const before = known.find(
      (each) => each.path === path && each.bytes === bytes && each.modified === modified,
    );
    hashed.push(before ?? { part, path, bytes, modified, sha256: (await hashFile(path, { signal })).sha256 });
  }
  onFile(files.length, files.length);
  return hashed;
}

async function filesOf(
  layout: ReleaseLayout,
): Promise<readonly { readonly part: string; readonly path: string }[]> {
  const { dit, weakDit, autoencoder, statistics, textEncoder } = layout;
  const single = {
    dit,
    weakDit,
    autoencoder: autoencoder?.checkpoint,
    statistics: statistics ?? autoencoder?.rae?.statistics,
  };
  const found: { part: string; path: string }[] = [];
  for (const [part, path] of Object.entries(single)) {
    if (path === undefined) continue;
    for (const each of await withShards(resolve(path))) found.push({ part, path: each });
  }
  if (textEncoder !== undefined) {
    const folder = resolve(textEncoder);
    for (const name of (await namesIn(folder)).filter((each) => OF_TEXT.test(each))) {
      found.push({ part: 'textEncoder', path: join(folder, name) });
    }
  }
  return found;
}

/** The file, and what belongs to it: all shards of an index, or of the one that was named. */
async function withShards(path: string): Promise<readonly string[]> {
  if ((await statOf(path)).isDirectory()) {
    return (await namesIn(path)).map((name) => join(path, name));
  }
  const [folder, name] = [dirname(path), basename(path)];
  if (name.endsWith('.index.json')) {
    const names = (await namesIn(folder)).filter((each) => SHARD.test(each) || each === name);
    return names.map((each) => join(folder, each));
  }
  const shard = SHARD.exec(name);
  if (shard === null) return [path];
  const [before, after] = [name.slice(0, shard.index), name.slice(shard.index + shard[0].length)];
  const names = (await namesIn(folder)).filter((each) => {
    const middle = each.slice(before.length, each.length - after.length);
    return each.startsWith(before) && each.endsWith(after) && SHARD.exec(middle)?.[2] === shard[2];
  });
  return names.map((each) => join(folder, each));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

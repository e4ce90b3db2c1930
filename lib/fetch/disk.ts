/** Room on a disk, and the hash of what lies there. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { throwIfAborted } from '../abort.js';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';

const GIB = 1024 ** 3;

/** Free bytes of the file system that holds a folder, for an ordinary user. */
export type FreeBytes = (dir: string) => Promise<number>;

/** Of the nearest folder above that is there, where this one is not yet. */
export const freeBytes: FreeBytes = async (dir) => {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(dir);
    if (systemErrorCode(error) === 'ENOENT' && parent !== dir) return freeBytes(parent);
    throw fileError(error, 'ask for the free space of', dir);
  }
};

export interface SpaceNeed {
  readonly dir: string;
  readonly bytes: number;
  /** As in "libtorch needs 1.00 GiB". */
  readonly what: string;
  readonly hint: string;
}

/** Throws ERR_SVGT2I_DISK_FULL before anything is written, rather than in the middle. */
export async function checkFreeSpace(
  { dir, bytes, what, hint }: SpaceNeed,
  free: FreeBytes = freeBytes,
): Promise<void> {
  const available = await free(dir);
  if (available >= bytes) return;
  const [want, have] = [bytes, available].map((amount) => (amount / GIB).toFixed(2));
  throw new SvgT2IError('ERR_SVGT2I_DISK_FULL', `${dir} has ${have} GiB free; ${what} needs ${want} GiB`, {
    hint,
  });
}

export interface HashOptions {
  readonly algorithm?: 'sha256' | 'sha1';
  /** Hashed before the file's own bytes. */
  readonly prefix?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Hash of a file in hexadecimal: SHA-256 where not said. */
export async function hashOfFile(
  file: string,
  { algorithm = 'sha256', prefix = '', signal }: HashOptions = {},
): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  try {
    const options = signal === undefined ? {} : { signal };
    await pipeline(createReadStream(file, { highWaterMark: 4 << 20 }), hash, options);
  } catch (error) {
    throwIfAborted(signal);
    throw fileError(error, 'read', file);
  }
  return hash.digest('hex');
}

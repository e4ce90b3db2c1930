import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { fileError, SvgT2IError } from '../errors.js';
import { makeFolder } from '../files.js';

const GIB = 1024 ** 3;

/** Free bytes of the file system that holds a folder, for an ordinary user. */
export type FreeBytes = (dir: string) => Promise<number>;

export const freeBytes: FreeBytes = async (dir) => {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
};

/** Throws ERR_SVGT2I_DISK_FULL before anything is written, rather than in the middle. */
export async function checkFreeSpace(
  dir: string,
  needed: number,
  free: FreeBytes = freeBytes,
): Promise<void> {
  await makeFolder(dir);
  const available = await free(dir);
  if (available >= needed) return;
  const [want, have] = [needed, available].map((bytes) => (bytes / GIB).toFixed(2));
  throw new SvgT2IError('ERR_SVGT2I_DISK_FULL', `${dir} has ${have} GiB free; libtorch needs ${want} GiB`, {
    hint: 'Free some space, or set SVG_T2I_HOME to a folder on a larger disk.',
  });
}

/** SHA-256 of a file in hexadecimal. */
export async function sha256(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    const options = signal === undefined ? {} : { signal };
    await pipeline(createReadStream(file, { highWaterMark: 4 << 20 }), hash, options);
  } catch (error) {
    signal?.throwIfAborted();
    throw fileError(error, 'read', file);
  }
  return hash.digest('hex');
}

/** Throws ERR_SVGT2I_INSTALL when a file is not the one that was meant. */
export async function checkSha256(file: string, expected: string, signal?: AbortSignal): Promise<void> {
  const actual = await sha256(file, signal);
  if (actual === expected.toLowerCase()) return;
  throw new SvgT2IError('ERR_SVGT2I_INSTALL', `${file} has SHA-256 ${actual}, not ${expected}`, {
    hint: 'The file is cut or is another one: fetch it again, or correct --sha256.',
  });
}

/** Where results go: proves that they can be written before any work, and writes them whole. */
import { open, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileError, SvgT2IError } from '../errors.js';
import { makeFolder, partPath, writeDurably } from '../files.js';
import { isFolder } from '../release/find.js';

/** Replaces `path` at once. Nothing is left of a write that failed. */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  // Renaming onto a device or a pipe would replace it.
  if (!(await isSpecial(path))) return writeDurably(path, data);
  try {
    await writeFile(path, data);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/**
 * Makes a folder and proves that files can be written to it, before hours of work. Throws ERR_SVGT2I_IO or
 * ERR_SVGT2I_DISK_FULL where fewer than `bytesNeeded` are free.
 */
export async function prepareFolder(folder: string, bytesNeeded: number): Promise<void> {
  const probe = partPath(join(folder, '.svg-t2i'));
  let freeBytes: number;
  try {
    await makeFolder(folder);
    const file = await open(probe, 'w');
    await file.close();
    await rm(probe);
    const { bavail, bsize } = await statfs(folder);
    freeBytes = bavail * bsize;
  } catch (error) {
    throw fileError(error, 'write to', resolve(folder));
  }
  if (freeBytes >= bytesNeeded) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_DISK_FULL',
    `${resolve(folder)} has ${freeBytes} bytes free, a picture may need ${bytesNeeded}`,
    { hint: 'Free some space or choose another output folder.' },
  );
}

/** Proves that `path` can become a file, before hours of work. */
export async function prepareFile(path: string, bytesNeeded: number): Promise<void> {
  if (isFolder(path)) {
    throw new SvgT2IError('ERR_SVGT2I_IO', `cannot write ${path}: it is a folder`);
  }
  await prepareFolder(dirname(path), bytesNeeded);
}

async function isSpecial(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => !entry.isFile() && !entry.isDirectory(),
    () => false,
  );
}

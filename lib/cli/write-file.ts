/** Files that are either there whole or not at all: written beside their place, then renamed. */
import { rmSync } from 'node:fs';
import { mkdir, open, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';

const unfinished = new Set<string>();

/** Replaces `path` at once. Nothing is left of a write that failed. */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  try {
    // Renaming onto a device or a pipe would replace it.
    if (await isSpecial(path)) await writeFile(path, data);
    else await writeBeside(path, data);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

async function writeBeside(path: string, data: Uint8Array): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  unfinished.add(beside);
  try {
    const file = await open(beside, 'w');
    try {
      await file.writeFile(data);
      // Some file systems report a full disk only here.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  } finally {
    unfinished.delete(beside);
  }
}

/** Removes half-written files when the process must end now. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/**
 * Makes a folder and proves that files can be written to it, before hours of work. Throws ERR_SVGT2I_IO or
 * ERR_SVGT2I_DISK_FULL where fewer than `bytesNeeded` are free.
 */
export async function prepareFolder(folder: string, bytesNeeded: number): Promise<void> {
  const probe = join(folder, `.svg-t2i-${process.pid}.part`);
  let freeBytes: number;
  try {
    await makeFolder(resolve(folder));
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

/** Not mkdir's own `recursive`: in /proc it tries for ever. */
async function makeFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolder(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (systemErrorCode(error) !== 'EEXIST' || !(await isFolder(folder))) throw error;
  }
}

/** Proves that `path` can become a file, before hours of work. */
export async function prepareFile(path: string, bytesNeeded: number): Promise<void> {
  if (await isFolder(path)) {
    throw new SvgT2IError('ERR_SVGT2I_IO', `cannot write ${path}: it is a folder`);
  }
  await prepareFolder(dirname(path), bytesNeeded);
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

async function isSpecial(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => !entry.isFile() && !entry.isDirectory(),
    () => false,
  );
}

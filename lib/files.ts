/** Folders and files that are there whole or not at all, and their hashes. */
import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { throwIfAborted } from './abort.js';
import { fileError, firstLine, systemErrorCode, workingFolderGone } from './errors.js';
import { fileSystemTime } from './lock/file-system-time.mjs';
import { processTag, TAG_PATTERN, tagState } from './lock/process.mjs';
import { openRegular } from './regular-file.js';

/** With the folders above it. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeWithParents(resolve(folder));
  } catch (error) {
    throw fileError(error, 'make the folder', folder);
  }
}

/** Not mkdir's own `recursive`: in /proc it tries for ever, and of a full disk it says that a folder is missing. */
async function makeWithParents(folder: string): Promise<void> {
  if (await isThere(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeWithParents(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (systemErrorCode(error) !== 'EEXIST' || !(await isThere(folder))) throw error;
  }
}

/** Whatever else is wrong with the path, mkdir says. */
async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** Where a file is written before it is renamed: under a name that tells which process is at it. */
export function partPath(path: string): string {
  return `${path}.${processTag()}.part`;
}

const PART_NAME = new RegExp(`\\.(${TAG_PATTERN})\\.part$`);
/** Longer than anybody writes one file: how old a part must be whose process is out of sight. */
const ABANDONED_AFTER_MS = 3600_000;

export interface DeadPartsOptions {
  /** Look into the folders below, too. */
  readonly recursive?: boolean;
  /** Called where one cannot be removed, which is no reason to stop. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Removes what processes that died have left half-written in a folder, and what processes of other machines have not
 * touched for an hour; returns the paths. Nothing happens where there is no such folder.
 */
export async function removeDeadParts(
  folder: string,
  { recursive = false, onWarning = () => undefined }: DeadPartsOptions = {},
): Promise<readonly string[]> {
  const removed: string[] = [];
  let path = folder;
  try {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive })) {
      const tag = PART_NAME.exec(entry.name)?.[1];
      if (tag === undefined || !(entry.isFile() || entry.isSymbolicLink())) continue;
      path = join(entry.parentPath, entry.name);
      const state = tagState(tag);
      if (state === 'alive' || (state === 'unknown' && !(await isAbandoned(path)))) continue;
      await rm(path, { force: true });
      removed.push(path);
    }
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') onWarning(`cannot remove ${path}: ${firstLine(error)}`);
  }
  return removed;
}

async function isAbandoned(path: string): Promise<boolean> {
  const { mtimeMs } = await lstat(path);
  return (await fileSystemTime(dirname(path))) - mtimeMs > ABANDONED_AFTER_MS;
}

/** @throws SvgT2IError ERR_SVGT2I_IO where the folder that this process works in was removed */
export function checkWorkingFolder(): void {
  try {
    // Not process.cwd(), which remembers its first answer.
    realpathSync.native('.');
  } catch (error) {
    throw workingFolderGone(error);
  }
}

const unfinished = new Set<string>();

/** Removes half-written files when the process must end now. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

export interface ReplaceOptions {
  /** On the disk once the promise resolves, whatever happens to the machine. */
  readonly isDurable?: boolean;
  /**
   * A folder of the same file system that it is written in before it is renamed: where whoever reads the folder of the
   * path would stumble over what a kill has left.
   */
  readonly partIn?: string;
}

/** Replaces `path` at once: written beside it, then renamed. Nothing is left of a write that failed. */
export async function replaceFile(
  path: string,
  parts: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  options: ReplaceOptions = {},
): Promise<void> {
  const write = async (file: FileHandle) => {
    for await (const part of parts) await file.writeFile(part);
  };
  await replaceFileWith(path, write, options);
}

/** As replaceFile, for a file that is not written from its beginning to its end. */
export async function replaceFileWith(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { isDurable = false, partIn }: ReplaceOptions = {},
): Promise<void> {
  const beside = partPath(partIn === undefined ? path : join(partIn, basename(path)));
  unfinished.add(beside);
  try {
    const file = await open(beside, 'w');
    try {
      await write(file);
      // Some file systems report a full disk only here.
      if (isDurable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    if (isDurable) await sync(dirname(path));
  } catch (error) {
    await rm(beside, { force: true });
    throw fileError(error, 'write', path);
  } finally {
    unfinished.delete(beside);
  }
}

export function writeDurably(path: string, data: string | Uint8Array): Promise<void> {
  return replaceFile(path, [data], { isDurable: true });
}

/** Waits until a file, or the names in a folder, have reached the disk. */
export async function sync(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

export interface FileHash {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO; or the signal's reason */
export async function hashFile(
  path: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FileHash> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await openRegular(path);
  try {
    for await (const part of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })) {
      throwIfAborted(signal);
      hash.update(part as Buffer);
      bytes += (part as Buffer).length;
    }
  } catch (error) {
    throwIfAborted(signal);
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

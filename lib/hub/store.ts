/** Writes into the hub's cache what other tools then find: blobs under their hash, links to them, refs, the listing. */
import { constants, copyFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileError, systemErrorCode } from '../errors.js';
import { makeFolder, partPath, replaceFile } from '../files.js';
import { blobFile, isCommit, refFile, repoFolder, sizeOfFile, snapshotFolder } from './cache.js';
import type { HubFile, Listing } from './listing.js';

/** Name of a file's bytes: SHA-256 of a large one, Git's SHA-1 of others. */
export function etagOf({ sha256, gitSha1 }: HubFile): string {
  return sha256 ?? gitSha1;
}

export async function writeMissing(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw fileError(error, 'write', path);
  }
}

/** Remembers the commit of a branch or tag; a commit needs no such thing. */
export async function writeRef(cache: string, { repo, revision, commit }: Listing): Promise<void> {
  if (isCommit(revision)) return;
  const path = refFile(cache, repo, revision);
  await makeFolder(dirname(path));
  // Without a line break: others read all of it as the commit.
  await replaceFile(path, [commit]);
}

/** The whole listing, as newer versions of huggingface_hub keep it to know without a network what there is. */
export async function writeTree(folder: string, { commit, files }: Listing): Promise<void> {
  const path = join(folder, 'trees', `${commit}.json`);
  await makeFolder(dirname(path));
  await replaceFile(path, [treeText(files)]);
}

export function treeText(files: readonly HubFile[]): string {
  const entries = files.map(({ path, bytes, gitSha1, sha256 }) => [
    path,
    {
      size: bytes,
      blob_id: gitSha1,
      ...(sha256 === undefined ? {} : { lfs_sha256: sha256, lfs_size: bytes }),
    },
  ]);
  return JSON.stringify({ format_version: 1, files: Object.fromEntries(entries) }, null, 1);
}

/** Where a file is read from. */
export function snapshotFile(
  cache: string,
  { repo, commit }: Pick<Listing, 'repo' | 'commit'>,
  path: string,
): string {
  return join(snapshotFolder(cache, repo, commit), ...path.split('/'));
}

/** Whether all of a file is there, under the name that it is read by. */
export function isCached(cache: string, listing: Pick<Listing, 'repo' | 'commit'>, file: HubFile): boolean {
  return sizeOfFile(snapshotFile(cache, listing, file.path)) === file.bytes;
}

export function hasBlob(cache: string, repo: string, file: HubFile): boolean {
  return sizeOfFile(blobFile(cache, repo, etagOf(file))) === file.bytes;
}

/**
 * Gives a blob the name that it is read by: a relative link, so that the cache can be moved; where there are no links, or
 * HF_HUB_DISABLE_SYMLINKS is set, the file itself: of one that was there before a copy, as other snapshots may link to it.
 */
export async function linkBlob(
  cache: string,
  listing: Pick<Listing, 'repo' | 'commit'>,
  file: HubFile,
  { links = true, isNew }: { readonly links?: boolean; readonly isNew: boolean },
): Promise<void> {
  const blob = blobFile(cache, listing.repo, etagOf(file));
  const path = snapshotFile(cache, listing, file.path);
  await makeFolder(dirname(path));
  try {
    if (links && (await makeLink(relative(dirname(path), blob), path))) return;
    if (isNew) await moveBlob(blob, path);
    else await copyOut(blob, path);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/** False where this file system has no links. */
async function makeLink(target: string, path: string): Promise<boolean> {
  if ((await readlink(path).catch(() => undefined)) === target) return true;
  // Beside it first: a reader sees the old one or the new one.
  const beside = partPath(path);
  await rm(beside, { force: true });
  try {
    await symlink(target, beside);
  } catch (error) {
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(systemErrorCode(error) ?? ''))
      return false;
    throw error;
  }
  await rename(beside, path);
  return true;
}

async function moveBlob(blob: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await rename(blob, path);
}

/** Copies a file out of the cache: no more than a reference where the file system shares bytes. */
export async function copyOut(from: string, to: string): Promise<void> {
  const beside = partPath(to);
  try {
    await makeFolder(dirname(to));
    await copyFile(from, beside, constants.COPYFILE_FICLONE);
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { force: true });
    throw fileError(error, 'write', to);
  }
}

/** The folder for the locks of a repository; others' lie there too. */
export function locksFolder(cache: string, repo: string): string {
  return join(cache, '.locks', basename(repoFolder(cache, repo)));
}

/** Without the CACHEDIR.TAG of newer versions of huggingface_hub: older ones warn of it. */
export async function prepareRepository(cache: string, repo: string): Promise<void> {
  for (const name of ['blobs', 'refs', 'snapshots']) await makeFolder(join(repoFolder(cache, repo), name));
  await makeFolder(locksFolder(cache, repo));
}

/** Reads the hub's cache as all of Hugging Face's tools lay it out: refs, snapshots of links, blobs. Nothing is fetched. */
import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HubName } from '../config/hub-name.js';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';
import { readTextSync } from '../regular-file.js';
import { type Environment, hubCache } from './places.js';

const COMMIT = /^[0-9a-f]{40}$/;
const MAX_REF_BYTES = 1024;

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Folder of a repository of models in a cache. */
export function repoFolder(cache: string, repo: string): string {
  return join(cache, `models--${repo.replace('/', '--')}`);
}

export function snapshotFolder(cache: string, repo: string, commit: string): string {
  return join(repoFolder(cache, repo), 'snapshots', commit);
}

export function blobFile(cache: string, repo: string, etag: string): string {
  return join(repoFolder(cache, repo), 'blobs', etag);
}

/** Where it stands which commit a branch or tag was at. */
export function refFile(cache: string, repo: string, revision: string): string {
  return join(repoFolder(cache, repo), 'refs', ...revision.split('/'));
}

/** The commit of a revision that was fetched once; undefined where none was. */
export function cachedCommit(cache: string, repo: string, revision: string): string | undefined {
  if (isCommit(revision)) return revision;
  try {
    const commit = readTextSync(refFile(cache, repo, revision), { maxBytes: MAX_REF_BYTES }).trim();
    return isCommit(commit) ? commit : undefined;
  } catch (error) {
    // A folder stands there where the revision is the beginning of others' names.
    const isNone = SvgT2IError.isInstance(error) && /FILE_(NOT_FOUND|FORMAT)$/.test(error.code);
    if (isNone || notThere(error)) return undefined;
    throw error;
  }
}

function notThere(error: unknown): boolean {
  const inner = error instanceof Error && systemErrorCode(error.cause) !== undefined ? error.cause : error;
  return ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(inner) ?? '');
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (notThere(error)) return undefined;
    throw fileError(error, 'look for', path);
  }
}

/** The folder that holds what was fetched of a revision, whole or in part; undefined where nothing was. */
export function resolveInCache(
  { repo, revision }: Pick<HubName, 'repo' | 'revision'>,
  env: Environment = process.env,
): string | undefined {
  const cache = hubCache(env);
  const commit = cachedCommit(cache, repo, revision);
  if (commit === undefined) return undefined;
  const folder = snapshotFolder(cache, repo, commit);
  return statOf(folder)?.isDirectory() ? folder : undefined;
}

/** Size of a file, behind a link where it is one; undefined where there is none, or a link that leads nowhere. */
export function sizeOfFile(path: string): number | undefined {
  const entry = statOf(path);
  return entry?.isFile() ? entry.size : undefined;
}

/** Files below a folder, by path with slashes, in name order. */
export function filesBelow(folder: string): readonly string[] {
  const below = (place: string, prefix: string): string[] =>
    entriesOf(place).flatMap((entry) => {
      const path = `${prefix}${entry.name}`;
      return entry.isDirectory() ? below(join(place, entry.name), `${path}/`) : [path];
    });
  return below(folder, '').sort();
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (notThere(error)) return [];
    throw fileError(error, 'read', folder);
  }
}

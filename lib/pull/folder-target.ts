/** A folder as a target: the files themselves, with notes beside them as `hf download --local-dir` leaves them. */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, systemErrorCode } from '../errors.js';
import { makeFolder, replaceFile } from '../files.js';
import { blobFile, sizeOfFile } from '../hub/cache.js';
import type { HubFile, Listing } from '../hub/listing.js';
import { copyOut, etagOf, hasBlob, isCached, snapshotFile, writeMissing } from '../hub/store.js';
import { below, LOCK_NAME, PART_ENDING, type Target } from './target.js';

/** Where notes about the files of a folder are, below it. */
export const NOTES = join('.cache', 'huggingface');

export interface FolderOptions {
  readonly folder: string;
  readonly listing: Listing;
  /** Files that lie there already are copied. */
  readonly cache: string;
  /** Path of a file in the folder; where not given, that of the repository. */
  readonly rename?: (path: string) => string;
}

export function folderTarget({ folder, listing, cache, rename = (path) => path }: FolderOptions): Target {
  const notes = join(folder, NOTES);
  const note = (file: HubFile) => below(join(notes, 'download'), `${rename(file.path)}.metadata`);
  const path = (file: HubFile) => below(folder, rename(file.path));
  const writeNote = async (file: HubFile) => {
    await makeFolder(dirname(note(file)));
    await replaceFile(note(file), [`${listing.commit}\n${etagOf(file)}\n${Date.now() / 1000}\n`]);
  };
  const removeNote = async (file: HubFile) => {
    try {
      await rm(note(file), { force: true });
    } catch (error) {
      throw fileError(error, 'remove', note(file));
    }
  };
  const copy = async (from: string, file: HubFile) => {
    await removeNote(file);
    await copyOut(from, path(file));
    await writeNote(file);
  };
  return {
    root: folder,
    folders: [notes],
    lockFile: join(notes, LOCK_NAME),
    path,
    // Not all of the hash: names are at most 255 bytes long. The journal has it.
    part: (file) =>
      below(join(notes, 'download'), `${rename(file.path)}.${etagOf(file).slice(0, 8)}${PART_ENDING}`),
    state: async (file) => {
      if (sizeOfFile(path(file)) === file.bytes && (await etagOfNote(note(file))) === etagOf(file))
        return 'there';
      return isCached(cache, listing, file) || hasBlob(cache, listing.repo, file) ? 'near' : 'missing';
    },
    prepare: async () => {
      await makeFolder(join(notes, 'download'));
      // Nothing of it belongs into anybody's repository.
      await writeMissing(join(notes, '.gitignore'), '*');
    },
    adopt: async (file) => {
      const { repo } = listing;
      const isLinked = isCached(cache, listing, file);
      const from = isLinked ? snapshotFile(cache, listing, file.path) : blobFile(cache, repo, etagOf(file));
      await copy(from, file);
    },
    copy,
    publish: async (file, part) => {
      // Of a file that is replaced it must not say what it was.
      await removeNote(file);
      await part.publish(path(file));
      await writeNote(file);
    },
    isFinished: () => true,
    finish: async () => undefined,
  };
}

/** Whose bytes a file had when it was put there; undefined where nobody wrote it down. */
async function etagOfNote(path: string): Promise<string | undefined> {
  try {
    const [, etag] = (await readFile(path, 'utf8')).split('\n');
    return etag;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw fileError(error, 'read', path);
  }
}

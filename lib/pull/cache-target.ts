/** The hub's cache as a target: blobs under their hash, links to them in the snapshot of a commit. */
import { dirname, join } from 'node:path';
import { blobFile, cachedCommit, refFile, repoFolder, snapshotFolder } from '../hub/cache.js';
import type { Listing } from '../hub/listing.js';
import type { Environment } from '../hub/places.js';
import {
  copyOut,
  etagOf,
  hasBlob,
  isCached,
  linkBlob,
  locksFolder,
  prepareRepository,
  snapshotFile,
  writeRef,
  writeTree,
} from '../hub/store.js';
import { LOCK_NAME, PART_ENDING, type Target } from './target.js';

export function cacheTarget(cache: string, listing: Listing, env: Environment): Target {
  const { repo, commit } = listing;
  const links = !/^(1|true|yes|on)$/i.test(env.HF_HUB_DISABLE_SYMLINKS ?? '');
  return {
    root: snapshotFolder(cache, repo, commit),
    folders: [
      join(repoFolder(cache, repo), 'trees'),
      dirname(refFile(cache, repo, listing.revision)),
      locksFolder(cache, repo),
    ],
    lockFile: join(locksFolder(cache, repo), LOCK_NAME),
    path: (file) => snapshotFile(cache, listing, file.path),
    part: (file) => `${blobFile(cache, repo, etagOf(file))}${PART_ENDING}`,
    state: async (file) => {
      if (isCached(cache, listing, file)) return 'there';
      return hasBlob(cache, repo, file) ? 'near' : 'missing';
    },
    prepare: () => prepareRepository(cache, repo),
    adopt: (file) => linkBlob(cache, listing, file, { links, isNew: false }),
    // Of another repository, or where there are no links: a blob like all others.
    copy: async (from, file) => {
      await copyOut(from, blobFile(cache, repo, etagOf(file)));
      await linkBlob(cache, listing, file, { links, isNew: true });
    },
    publish: async (file, part) => {
      await part.publish(blobFile(cache, repo, etagOf(file)));
      await linkBlob(cache, listing, file, { links, isNew: true });
    },
    isFinished: () => cachedCommit(cache, repo, listing.revision) === commit,
    finish: async () => {
      await writeTree(repoFolder(cache, repo), listing);
      await writeRef(cache, listing);
    },
  };
}

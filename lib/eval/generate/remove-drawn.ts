/** Takes the pictures of a run away, whatever it was asked for, before it is drawn anew. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { throwIfAborted } from '../../abort.js';
import { fileError, systemErrorCode } from '../../errors.js';
import { existingPicture } from '../../pipeline/existing-picture.js';
import type { RunSpec } from './run-spec.js';

/**
 * Removes every PNG below the run's pictures that carries parameters, and the files that are to be drawn. All of them: with
 * more prompts or pictures than now, what weights of the same names have drawn could later not be told from what is drawn now.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO; or the signal's reason
 */
export async function removeDrawn(
  {
    out,
    folder,
    files,
    isOfLongerRun = () => false,
  }: Pick<RunSpec, 'out' | 'folder' | 'files' | 'isOfLongerRun'>,
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<void> {
  const own = new Set(files.map(({ path }) => resolve(folder, path)));
  // The output folder itself is the user's: below it only the folders of files are a run's.
  const isShared = resolve(folder) === resolve(out);
  const places = isShared ? [...new Set([...own].map((path) => dirname(path)))] : [resolve(folder)];
  for (const place of places) {
    for (const path of await picturesIn(place, !isShared)) {
      throwIfAborted(signal);
      const isOwn = own.has(path) || isOfLongerRun(basename(path));
      const found = isOwn ? 'own' : await existingPicture(path);
      if (found === 'absent' || found === 'unmarked') continue;
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw fileError(error, 'remove', path);
      }
    }
  }
}

async function picturesIn(folder: string, recursive: boolean): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive });
    return entries
      .filter((entry) => !entry.isDirectory() && entry.name.endsWith('.png'))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'read', folder);
  }
}

/** Which files of a run are there already, as what they carry tells. */
import { join } from 'node:path';
import { SvgT2IError } from '../../errors.js';
import type { ImageParameters } from '../../image/parameters.js';
import { existingPicture } from '../../pipeline/existing-picture.js';
import { gridMembers } from '../../pipeline/grid-metadata.js';
import { differences } from '../../pipeline/metadata.js';
import type { PictureFile } from '../layouts/plan.js';

/** Files that are looked into at a time. */
const AT_ONCE = 16;
/** Of files that do not fit, so many are named. */
const MAX_NAMED = 5;

export interface ExistingFiles {
  /** Still to be drawn. */
  readonly wanted: readonly PictureFile[];
  readonly kept: readonly PictureFile[];
  /** Of those that are wanted: there, but of something else. Names of what differs; empty where a file does not say. */
  readonly others: readonly OtherFile[];
}

export interface OtherFile {
  readonly path: string;
  readonly differs: readonly string[];
}

/**
 * Looks into every file of a run. One that carries nothing is another one: in a folder of ours nobody else draws.
 *
 * @param askedOf what a picture is asked to be, by its number
 * @throws SvgT2IError ERR_SVGT2I_IO; or the signal's reason
 */
export async function existingFiles(
  files: readonly PictureFile[],
  {
    folder,
    askedOf,
    signal,
  }: {
    readonly folder: string;
    readonly askedOf: (index: number) => ImageParameters;
    readonly signal: AbortSignal | undefined;
  },
): Promise<ExistingFiles> {
  const wanted: PictureFile[] = [];
  const kept: PictureFile[] = [];
  const others: OtherFile[] = [];
  for (let start = 0; start < files.length; start += AT_ONCE) {
    signal?.throwIfAborted();
    const some = files.slice(start, start + AT_ONCE);
    const found = await Promise.all(some.map(({ path }) => existingPicture(join(folder, path))));
    for (const [i, file] of some.entries()) {
      const one = found[i] ?? 'absent';
      if (one === 'absent') wanted.push(file);
      else {
        const differs = one === 'unmarked' ? [] : differencesOf(file, one, askedOf);
        if (one !== 'unmarked' && differs.length === 0) kept.push(file);
        else {
          wanted.push(file);
          others.push({ path: file.path, differs });
        }
      }
    }
  }
  return { wanted, kept, others };
}

function differencesOf(
  { pictures }: PictureFile,
  found: ImageParameters,
  askedOf: (index: number) => ImageParameters,
): readonly string[] {
  const members = gridMembers(found);
  if ((members?.length ?? 1) !== pictures.length) return ['number of pictures'];
  const differs = pictures.flatMap((index, i) => differences(askedOf(index), members?.[i] ?? found));
  return [...new Set(differs)];
}

/** Why a run may not go on in a folder with such files. */
export function refuseOthers(folder: string, others: readonly OtherFile[]): SvgT2IError {
  const list = others
    .slice(0, MAX_NAMED)
    .map(
      ({ path, differs }) =>
        `${path} (${differs.length === 0 ? 'carries no parameters' : differs.join(', ')})`,
    );
  const more = others.length > MAX_NAMED ? `, and ${others.length - MAX_NAMED} more` : '';
  return new SvgT2IError(
    'ERR_SVGT2I_RUN_FOLDER',
    `${others.length} file(s) in ${folder} are not those asked for: ${list.join(', ')}${more}`,
    { hint: 'Choose another --out, or pass --on-mismatch redraw to draw them again.' },
  );
}

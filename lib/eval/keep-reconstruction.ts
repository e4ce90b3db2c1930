/** Writes a reconstruction under the name of what it was made of. */
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { makeFolder, replaceFile } from '../files.js';
import { encodeImage } from '../image/encode.js';
import type { RgbImage } from '../image/rgb-image.js';
import { stemOf } from './fingerprint.js';
import type { NamedPicture, PictureSource } from './picture-set.js';

/** Where they go, of an evaluation's output folder. */
export function keptIn(out: string): string {
  return join(out, 'reconstructions');
}

/**
 * Whether every picture has a file of its own, outside of what is read: the next run would take it for data.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export async function checkKeeping(source: PictureSource, folder: string): Promise<void> {
  const below = relative(resolve(source.name), resolve(folder));
  if (source.kind === 'folder' && !isAbsolute(below) && below.split(sep)[0] !== '..') {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `${folder} lies in ${source.name}: the next run would take reconstructions for pictures`,
      { hint: 'Give an --out outside of it.' },
    );
  }
  const before = new Map<string, string>();
  for (const name of await source.names()) {
    const path = reconstructionPath(folder, name);
    const other = before.get(path);
    if (other !== undefined) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `the reconstructions of ${other} and ${name} would both be ${path}`,
        { hint: 'Rename one of them, or leave --keep-pictures out.' },
      );
    }
    before.set(path, name);
  }
}

/** As PNG, below `folder`, in the folders that the set has. */
export async function keepReconstruction(
  folder: string,
  picture: NamedPicture,
  image: RgbImage,
): Promise<void> {
  const path = reconstructionPath(folder, picture.name);
  await makeFolder(dirname(path));
  await replaceFile(path, [await encodeImage(image, { format: 'png' })]);
}

/** Steps up, which a list's names may have, lead nowhere: all lies below the folder. */
export function reconstructionPath(folder: string, name: string): string {
  const parts = stemOf(name)
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..');
  return join(folder, `${parts.join('/')}.png`);
}

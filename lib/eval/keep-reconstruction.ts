/** Writes a reconstruction under the name of what it was made of. */
import { dirname, join } from 'node:path';
import { makeFolder, replaceFile } from '../files.js';
import { encodeImage } from '../image/encode.js';
import type { RgbImage } from '../image/rgb-image.js';
import { stemOf } from './fingerprint.js';
import type { NamedPicture } from './picture-set.js';

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

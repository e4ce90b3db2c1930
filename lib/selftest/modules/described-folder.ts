/** Folders as cases describe them: a path, and what is in the file. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { entriesOf } from '../../eval/layouts/look.js';
import { readImage } from '../../image/decode.js';
import { encodeImage } from '../../image/encode.js';
import { rgbImage } from '../../image/rgb-image.js';

const size = z.tuple([z.number().int().min(1), z.number().int().min(1)]);
const fileSchema = z.union([
  z.strictObject({ json: z.unknown() }),
  z.strictObject({ text: z.string() }),
  z.strictObject({ png: size }),
  z.strictObject({ jpeg: size }),
  /** Hexadecimal digits. */
  z.strictObject({ bytes: z.string() }),
]);
export const folderSchema = z.record(z.string(), fileSchema);

export type FolderDescription = z.output<typeof folderSchema>;
type FileDescription = z.output<typeof fileSchema>;

/** Makes a folder of a description; pictures are plain. */
export async function makeDescribed(root: string, files: FolderDescription): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const [path, file] of Object.entries(files)) {
    const place = join(root, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, await bytesOf(file));
  }
}

async function bytesOf(file: FileDescription): Promise<string | Uint8Array> {
  if ('text' in file) return file.text;
  if ('bytes' in file) return Buffer.from(file.bytes, 'hex');
  if ('png' in file) return picture(file.png, 'png');
  if ('jpeg' in file) return picture(file.jpeg, 'jpeg');
  return JSON.stringify(file.json);
}

function picture([width, height]: readonly [number, number], format: 'png' | 'jpeg'): Promise<Uint8Array> {
  return encodeImage(rgbImage(width, height, new Uint8Array(width * height * 3).fill(128)), { format });
}

/** What lies below a folder, in the same words; what is no picture is taken for JSON. */
export async function describeFolder(root: string): Promise<FolderDescription> {
  const found: Record<string, FileDescription> = {};
  const look = async (below: string): Promise<void> => {
    for (const { name, isFolder } of await entriesOf(join(root, below))) {
      const path = below === '' ? name : `${below}/${name}`;
      if (isFolder) await look(path);
      else found[path] = await describeFile(join(root, path));
    }
  };
  await look('');
  return found;
}

async function describeFile(path: string): Promise<FileDescription> {
  if (path.endsWith('.png')) {
    const { width, height } = await readImage(path);
    return { png: [width, height] };
  }
  return { json: JSON.parse(await readFile(path, 'utf8')) as unknown };
}

/** What lies in a folder that a scorer will read: names, and whether pictures open. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, firstLine, SvgT2IError } from '../../errors.js';
import { readImage } from '../../image/decode.js';
import { IMAGE_EXTENSIONS } from '../../image/format.js';
import { isFolder } from '../../release/find.js';

export interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
}

/**
 * In the order of the names.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO
 */
export async function entriesOf(folder: string): Promise<readonly Entry[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .map((entry) => ({
        name: entry.name,
        // The scorers follow links.
        isFolder: entry.isSymbolicLink() ? isFolder(join(folder, entry.name)) : entry.isDirectory(),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}

/**
 * Whether what a user has named is a folder.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO
 */
export async function namesFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/** Whether a name ends as those of pictures do. */
export function isPictureName(name: string): boolean {
  const lower = name.toLowerCase();
  return IMAGE_EXTENSIONS.some((extension) => lower.endsWith(extension));
}

/** Width and height of a picture that opens, or why it does not. */
export type Looked = { readonly width: number; readonly height: number } | { readonly problem: string };

/** Decodes all of a picture: a file that is cut opens, and stops a scorer later. */
async function lookAt(path: string): Promise<Looked> {
  try {
    // As stored: the scorers' crops know no orientation.
    const { width, height } = await readImage(path, { autoOrient: false });
    return { width, height };
  } catch (error) {
    if (!SvgT2IError.isInstance(error)) throw error;
    return { problem: firstLine(error).replace(`${path} `, '') };
  }
}

/** Pictures that are looked at at a time. */
const AT_ONCE = 8;

/** Looks at many, some at a time; answers in their order. */
export async function lookAtAll(
  paths: readonly string[],
  {
    signal,
    onLooked,
  }: { readonly signal?: AbortSignal | undefined; readonly onLooked?: (() => void) | undefined },
): Promise<readonly Looked[]> {
  const found: Looked[] = [];
  for (let start = 0; start < paths.length; start += AT_ONCE) {
    signal?.throwIfAborted();
    const some = paths.slice(start, start + AT_ONCE);
    const looked = await Promise.all(some.map(lookAt));
    for (const [i, path] of some.entries()) {
      const first = looked[i] as Looked;
      // Pictures that are decoded together get each other's reasons.
      found.push('problem' in first ? await lookAt(path) : first);
      onLooked?.();
    }
  }
  return found;
}

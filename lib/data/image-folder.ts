/** Pictures in folders, one a class, as ImageNet comes: root/n01440764/n01440764_10026.JPEG. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileError, SvgT2IError } from '../errors.js';
import type { DataItem, Dataset } from './dataset.js';

const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif']);

/** Folders read at a time. */
const CONCURRENT_FOLDERS = 16;

export class ImageFolderDataset implements Dataset {
  /** Names of the classes, sorted; `label` counts them from 0. Empty where the pictures lie in the root itself. */
  readonly classes: readonly string[];
  readonly #items: readonly DataItem[];

  private constructor(classes: readonly string[], items: readonly DataItem[]) {
    this.classes = classes;
    this.#items = items;
  }

  /**
   * Lists the pictures below `root`, sorted by class and name, so that their numbers mean the same on every machine.
   *
   * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT where there are none
   */
  static async open(root: string): Promise<ImageFolderDataset> {
    const entries = await listFolder(root);
    const classes = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    const items: DataItem[] = pictures(root, entries).map((path) => ({ path }));
    if (items.length > 0 && classes.length > 0) {
      throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${root} holds both pictures and folders`, {
        hint: 'Put all pictures in folders by class, or all of them in one folder.',
      });
    }
    for (let start = 0; start < classes.length; start += CONCURRENT_FOLDERS) {
      const names = classes.slice(start, start + CONCURRENT_FOLDERS);
      const lists = await Promise.all(
        names.map(async (name) => pictures(join(root, name), await listFolder(join(root, name)))),
      );
      lists.forEach((paths, position) => {
        for (const path of paths) items.push({ path, label: start + position });
      });
    }
    if (items.length === 0) {
      throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${root} holds no pictures`, {
        hint: `Their names end in ${[...EXTENSIONS].join(', ')}; folders are looked into one level deep.`,
      });
    }
    return new ImageFolderDataset(classes, items);
  }

  get length(): number {
    return this.#items.length;
  }

  async item(index: number): Promise<DataItem> {
    const item = this.#items[index];
    if (item === undefined)
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `there is no picture ${index}`);
    return item;
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}

async function listFolder(folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}

function pictures(folder: string, entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(extname(entry.name).toLowerCase()))
    .map((entry) => join(folder, entry.name));
}

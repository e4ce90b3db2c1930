/** Pictures in folders, one a class, as ImageNet comes: root/n01440764/n01440764_10026.JPEG. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileError, SvgT2IError } from '../errors.js';
import { IMAGE_EXTENSIONS } from '../image/format.js';
import type { DataItem, Dataset } from './dataset.js';
import { listFolder, PassedOver, walkPictures } from './folder-walk.js';

/** Folders read, or files looked at, at a time. */
const CONCURRENT = 16;

export class ImageFolderDataset implements Dataset {
  /** Names of the classes, sorted; `label` counts them from 0. Empty where the pictures lie in the root itself. */
  readonly classes: readonly string[];
  /** What lies there and is not read, a line a kind. */
  readonly remarks: readonly string[];
  readonly #root: string;
  readonly #items: readonly DataItem[];

  private constructor(
    root: string,
    found: Pick<ImageFolderDataset, 'classes' | 'remarks'> & { readonly items: readonly DataItem[] },
  ) {
    this.#root = root;
    this.#items = found.items;
    this.classes = found.classes;
    this.remarks = found.remarks;
  }

  /**
   * Lists the pictures below `root`, sorted by class and path, so that their numbers mean the same on every machine.
   * As torchvision's ImageFolder: folders are walked to any depth, and links to folders are followed.
   *
   * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT where there are none
   */
  static async open(root: string): Promise<ImageFolderDataset> {
    const passedOver = new PassedOver(root);
    const { folders, pictures } = await listFolder(root, passedOver);
    if (pictures.length > 0 && folders.length > 0) {
      throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${root} holds both pictures and folders`, {
        hint: 'Put all pictures in folders by class, or all of them in one folder.',
      });
    }
    const items: DataItem[] = pictures.map((path) => ({ path }));
    for (let start = 0; start < folders.length; start += CONCURRENT) {
      const some = folders.slice(start, start + CONCURRENT);
      const lists = await Promise.all(some.map(({ path }) => walkPictures(path, root, passedOver)));
      lists.forEach((paths, position) => {
        if (paths.length === 0) passedOver.addEmpty(some[position]?.name ?? '');
        for (const path of paths) items.push({ path, label: start + position });
      });
    }
    const remarks = passedOver.remarks();
    if (items.length === 0) {
      throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', [`${root} holds no pictures`, ...remarks].join('; '), {
        hint: `Their names end in ${IMAGE_EXTENSIONS.join(', ')}.`,
      });
    }
    return new ImageFolderDataset(root, { classes: folders.map(({ name }) => name), items, remarks });
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

  /** Of the pictures' names below the root and their sizes. A file that is gone counts with no size. */
  async fingerprint(): Promise<string> {
    const hash = createHash('sha256');
    for (let start = 0; start < this.#items.length; start += CONCURRENT) {
      const some = this.#items.slice(start, start + CONCURRENT);
      const sizes = await Promise.all(some.map(({ path }) => sizeOf(path)));
      some.forEach(({ path }, i) => {
        hash.update(JSON.stringify([relative(this.#root, path), sizes[i]]));
      });
    }
    return hash.digest('hex');
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    const failure = fileError(error, 'read', path);
    if (failure.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return null;
    throw failure;
  }
}

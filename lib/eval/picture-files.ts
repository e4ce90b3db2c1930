/** Sets of picture files: a folder with all below it, or a list. */
import { relative, resolve, sep } from 'node:path';
import { listFolder, PassedOver, walkPictures } from '../data/folder-walk.js';
import { ImagePool } from '../data/image-pool.js';
import { PictureList } from '../data/picture-list.js';
import { SvgT2IError } from '../errors.js';
import { IMAGE_EXTENSIONS } from '../image/format.js';
import { goodPictures } from './good-pictures.js';
import type { NamedPicture, PictureSource, ReadingOptions } from './picture-set.js';
import type { SettledReading } from './reading.js';

/** Where files lie, without a look at what is in them. */
interface Files {
  readonly kind: 'folder' | 'list';
  readonly count: number;
  readonly remarks: readonly string[];
  /** Absolute, and as the set names it. */
  file(index: number): Promise<{ readonly path: string; readonly name: string }>;
  close(): Promise<void>;
}

export class PictureFiles implements PictureSource {
  readonly name: string;
  readonly hasPictures = true;
  readonly #files: Files;
  readonly #reading: SettledReading;
  readonly #pool: ImagePool;

  private constructor(name: string, files: Files, reading: SettledReading) {
    this.name = name;
    this.#files = files;
    this.#reading = reading;
    this.#pool = new ImagePool(reading.workers, reading.decode);
  }

  /**
   * All pictures below a folder, to any depth, in the order of their paths, which is that of torch-fidelity and of
   * Python's sorted().
   *
   * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT where there are none
   */
  static async folder(name: string, reading: SettledReading): Promise<PictureFiles> {
    return new PictureFiles(name, await folderFiles(name), reading);
  }

  /** The pictures that a list names, in its order: JSON Lines or a JSON array. */
  static async list(name: string, reading: SettledReading): Promise<PictureFiles> {
    return new PictureFiles(name, await listFiles(name), reading);
  }

  get kind(): 'folder' | 'list' {
    return this.#files.kind;
  }

  get count(): number {
    return this.#files.count;
  }

  get remarks(): readonly string[] {
    return this.#files.remarks;
  }

  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    for (let index = 0; index < this.count; index++) names.push((await this.#files.file(index)).name);
    return names;
  }

  async placeOf(index: number): Promise<{ readonly name: string; readonly path: string }> {
    try {
      return await this.#files.file(index);
    } catch {
      // An entry that is malformed names no file.
      return { name: String(index), path: this.name };
    }
  }

  async picture(index: number): Promise<NamedPicture> {
    const { path, name } = await this.#files.file(index);
    return { name, index, path, ...(await this.#pool.read(path, this.#reading.fit)) };
  }

  pictures(options: ReadingOptions): AsyncIterable<NamedPicture> {
    return goodPictures(this, options);
  }

  async close(): Promise<void> {
    await this.#pool.dispose();
    await this.#files.close();
  }
}

async function folderFiles(folder: string): Promise<Files> {
  const root = resolve(folder);
  const passedOver = new PassedOver(folder);
  const { folders, pictures } = await listFolder(root, passedOver);
  const below: (readonly string[])[] = [];
  for (const { path } of folders) below.push(await walkPictures(path, root, passedOver));
  const names = [...pictures, ...below.flat()].map((path) => relative(root, path).split(sep).join('/'));
  const remarks = passedOver.remarks();
  if (names.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', [`${folder} holds no pictures`, ...remarks].join('; '), {
      hint: `Their names end in ${IMAGE_EXTENSIONS.join(', ')}.`,
    });
  }
  const sorted = inCodePointOrder(names);
  const nameAt = (index: number) => sorted[index] ?? outside(folder, index);
  return {
    kind: 'folder',
    count: sorted.length,
    remarks,
    file: async (index) => ({ path: resolve(root, nameAt(index)), name: nameAt(index) }),
    close: async () => undefined,
  };
}

async function listFiles(path: string): Promise<Files> {
  const list = await PictureList.open(path, { captions: 'optional' });
  const root = resolve(path, '..');
  return {
    kind: 'list',
    count: list.length,
    remarks: [],
    file: async (index) => {
      const item = await list.item(index);
      return { path: item.path, name: relative(root, item.path).split(sep).join('/') };
    },
    close: () => list.close(),
  };
}

/** As Python sorts texts: JavaScript compares halves of surrogate pairs. */
function inCodePointOrder(names: readonly string[]): readonly string[] {
  return names
    .map((name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ name }) => name);
}

function outside(set: string, index: number): never {
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${set} has no picture ${index}`);
}

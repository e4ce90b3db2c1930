/** Writes pictures as they are drawn: each file once all of its pictures are there, whole or not at all. */
import { dirname, join } from 'node:path';
import { makeFolder, replaceFile } from '../../files.js';
import { encodeImage } from '../../image/encode.js';
import { gridImage } from '../../image/grid.js';
import type { GeneratedImage } from '../../pipeline/generated-image.js';
import { gridMetadata } from '../../pipeline/grid-metadata.js';
import type { PictureFile } from '../layouts/plan.js';
import type { FailedFile } from './types.js';

/** Which files, and where. */
export interface WrittenFiles {
  readonly files: readonly PictureFile[];
  /** That the paths of files start at, absolute. */
  readonly folder: string;
  /** For what is half written, absolute, of the same file system. */
  readonly parts: string;
}

export type FileEvent =
  /** A file is written; prompt and seed of its first picture. */
  | {
      readonly type: 'file';
      readonly path: string;
      readonly pictures: readonly number[];
      readonly prompt: string;
      readonly seed: number;
    }
  | ({ readonly type: 'failed' } & FailedFile);

/** Holds the pictures of files that are not whole. */
export class FileWriter {
  readonly #job: WrittenFiles;
  readonly #onEvent: (event: FileEvent) => void;
  readonly #fileOf: ReadonlyMap<number, PictureFile>;
  readonly #waiting = new Map<PictureFile, GeneratedImage[]>();
  readonly #lost = new Set<PictureFile>();

  constructor(job: WrittenFiles, onEvent: (event: FileEvent) => void) {
    this.#job = job;
    this.#onEvent = onEvent;
    this.#fileOf = new Map(job.files.flatMap((file) => file.pictures.map((index) => [index, file])));
  }

  /** @throws SvgT2IError ERR_SVGT2I_IO or ERR_SVGT2I_DISK_FULL */
  async drawn(image: GeneratedImage): Promise<void> {
    const file = this.#fileOf.get(image.index);
    if (file === undefined || this.#lost.has(file)) return;
    const images = [...(this.#waiting.get(file) ?? []), image];
    this.#waiting.set(file, images);
    if (images.length < file.pictures.length) return;
    this.#waiting.delete(file);
    const { folder, parts } = this.#job;
    const path = join(folder, file.path);
    await makeFolder(dirname(path));
    await replaceFile(path, [await bytesOf(images)], { isDurable: true, partIn: parts });
    const [{ prompt, seed }] = images as [GeneratedImage];
    this.#onEvent({ type: 'file', path: file.path, pictures: file.pictures, prompt, seed });
  }

  /** The file is lost with it; of a grid one error is told. */
  failed(failure: Omit<FailedFile, 'path'>): void {
    const file = this.#fileOf.get(failure.index);
    if (file === undefined || this.#lost.has(file)) return;
    this.#lost.add(file);
    this.#waiting.delete(file);
    this.#onEvent({ type: 'failed', path: file.path, ...failure });
  }
}

/** One picture as it is, more as a grid of two columns without gaps; lossless, with the parameters of each. */
async function bytesOf(images: readonly GeneratedImage[]): Promise<Uint8Array> {
  const inOrder = [...images].sort((a, b) => a.index - b.index);
  const [first] = inOrder;
  if (first !== undefined && inOrder.length === 1) return first.png();
  const parameters = gridMetadata(inOrder.map(({ metadata }) => metadata));
  return encodeImage(gridImage(inOrder, { columns: 2 }), { format: 'png', parameters });
}

/** Sets of pictures in an npz, as ADM's evaluator takes them, and statistics with or without pictures. */
import { fitPicture } from '../data/fit-picture.js';
import { SvgT2IError } from '../errors.js';
import { rgbImage } from '../image/rgb-image.js';
import { type NpyArray, type NpzFile, openNpz } from '../npz/read.js';
import { PICTURES_NAME, picturesOf, type NpzPictures as Shape } from './adm-npz.js';
import { goodPictures } from './good-pictures.js';
import { readStatistics } from './npz-statistics.js';
import type { NamedPicture, PictureSource, ReadingOptions } from './picture-set.js';
import { readProvenance } from './provenance.js';
import type { SettledReading } from './reading.js';
import type { StoredStatistics } from './statistics.js';

/**
 * Opens pictures, statistics, or both of one npz.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for a file that is cut or broken, pickled objects, pictures of another type or
 *   order of channels, statistics that do not fit each other, and one that holds neither
 */
export async function openPictureNpz(path: string, reading: SettledReading): Promise<PictureSource> {
  const file = await openNpz(path);
  try {
    const statistics = await storedStatistics(file);
    const isAlone = !file.has(PICTURES_NAME);
    if (isAlone && statistics !== undefined) return new StatisticsFile(path, file, statistics);
    return new NpzPictures(file, await picturesOf(file), { statistics, reading });
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function storedStatistics(file: NpzFile): Promise<StoredStatistics | undefined> {
  const statistics = await readStatistics(file);
  if (statistics === undefined) return undefined;
  const provenance = await readProvenance(file);
  return { ...statistics, ...(provenance === undefined ? {} : { provenance }) };
}

interface Part {
  readonly start: number;
  readonly count: number;
  readonly data: Uint8Array;
}

class NpzPictures implements PictureSource {
  readonly kind = 'npz';
  readonly hasPictures = true;
  readonly remarks: readonly string[] = [];
  readonly name: string;
  readonly count: number;
  readonly statistics: StoredStatistics | undefined;
  readonly #file: NpzFile;
  readonly #shape: Shape;
  readonly #reading: SettledReading;
  /** Where the file is being read. */
  #parts: AsyncGenerator<NpyArray> | undefined;
  #part: Part | undefined;
  /** What its reader failed with. */
  #broken: unknown;
  /** Parts are read one after the other, whoever asks. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    file: NpzFile,
    shape: Shape,
    has: { readonly statistics: StoredStatistics | undefined; readonly reading: SettledReading },
  ) {
    this.name = file.path;
    this.count = shape.count;
    this.statistics = has.statistics;
    this.#file = file;
    this.#shape = shape;
    this.#reading = has.reading;
  }

  async names(): Promise<readonly string[]> {
    return Array.from({ length: this.count }, (_, index) => String(index));
  }

  async placeOf(index: number): Promise<{ readonly name: string; readonly path: string }> {
    return { name: String(index), path: this.name };
  }

  async picture(index: number): Promise<NamedPicture> {
    if (!(index >= 0 && index < this.count)) {
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${this.name} has no picture ${index}`);
    }
    const turn = this.#turn.then(() => this.#pixels(index));
    this.#turn = turn.catch(() => undefined);
    const { width, height } = this.#shape;
    const image = rgbImage(width, height, await turn);
    return { name: String(index), index, image: fitPicture(image, this.#reading.fit) };
  }

  async *pictures(options: ReadingOptions): AsyncGenerator<NamedPicture, void, undefined> {
    yield* goodPictures(this, options);
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#parts?.return(undefined);
    await this.#file.close();
  }

  /** On from where the file is read; what lies behind, or far ahead, is gone to. */
  async #pixels(index: number): Promise<Uint8Array> {
    const at = this.#part;
    if (at === undefined || index < at.start || index > at.start + 2 * at.count + 1) {
      await this.#parts?.return(undefined);
      this.#parts = this.#file.rows(PICTURES_NAME, { from: index });
      this.#part = { start: index, count: 0, data: new Uint8Array() };
    }
    let part = this.#part ?? { start: index, count: 0, data: new Uint8Array() };
    while (index >= part.start + part.count) part = await this.#nextPart(part);
    this.#part = part;
    const bytes = this.#shape.height * this.#shape.width * 3;
    const offset = (index - part.start) * bytes;
    return part.data.subarray(offset, offset + bytes);
  }

  async #nextPart(before: Part): Promise<Part> {
    if (this.#broken !== undefined) throw this.#broken;
    const next = await this.#parts?.next().catch((error: unknown) => {
      // Behind the damage a reader is at its end; whoever asks next is told the same.
      this.#broken = error;
      throw error;
    });
    if (next === undefined || next.done === true || !(next.value.data instanceof Uint8Array)) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INTERNAL',
        `${this.name} gave no picture ${before.start + before.count}`,
      );
    }
    const { shape, data } = next.value;
    return { start: before.start + before.count, count: shape[0] ?? 0, data };
  }
}

class StatisticsFile implements PictureSource {
  readonly kind = 'statistics';
  readonly hasPictures = false;
  readonly remarks: readonly string[] = [];
  readonly name: string;
  readonly count: number;
  readonly statistics: StoredStatistics;
  readonly #file: NpzFile;

  constructor(name: string, file: NpzFile, statistics: StoredStatistics) {
    this.name = name;
    this.count = statistics.count ?? 0;
    this.statistics = statistics;
    this.#file = file;
  }

  async names(): Promise<readonly string[]> {
    return [];
  }

  async placeOf(): Promise<{ readonly name: string; readonly path: string }> {
    return { name: '', path: this.name };
  }

  async picture(): Promise<NamedPicture> {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${this.name} holds statistics and no pictures`);
  }

  async *pictures(): AsyncGenerator<NamedPicture, void, undefined> {
    // There are none.
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

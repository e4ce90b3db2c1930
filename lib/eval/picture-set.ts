/** What a set of pictures is, wherever it comes from: a folder, an npz, or statistics alone. */
import type { RgbImage } from '../image/rgb-image.js';
import type { StoredStatistics } from './statistics.js';

/** Where the pictures of a set come from. */
export interface PictureSource {
  /** As the user named it. */
  readonly name: string;
  /** Pictures; of statistics alone those that they were taken of, 0 where the file does not say. */
  readonly count: number;
  /** Whether there are pictures: false for statistics alone. */
  readonly hasPictures: boolean;
  /** Of the file: beside the pictures as in ADM's references, or alone. */
  readonly statistics?: StoredStatistics | undefined;
  /** In sorted order, each once; decoded some ahead of where the reader is. */
  pictures(options: ReadingOptions): AsyncIterable<NamedPicture>;
  /** Closes files and ends threads. */
  close(): Promise<void>;
}

export interface ReadingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each picture that cannot be read and is left out. */
  readonly onBad: (bad: BadPicture) => void;
}

export interface NamedPicture {
  /** Relative to the set, with `/` and the extension; the number of an entry of an npz. */
  readonly name: string;
  /** From 0, in the set's order, unreadable ones counted. */
  readonly index: number;
  readonly image: RgbImage;
  /** Absolute path of the file, where it is one. */
  readonly path?: string | undefined;
}

/** A picture of a set that cannot be read. */
export interface BadPicture {
  readonly name: string;
  readonly index: number;
  /** Of the file, or of the npz. */
  readonly path: string;
  /** Why. */
  readonly message: string;
}

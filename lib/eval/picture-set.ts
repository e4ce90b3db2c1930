/** What a set of pictures is, wherever it comes from: a folder, a list, an npz, or statistics alone. */
import type { PictureFacts } from '../image/decode.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { StoredStatistics } from './statistics.js';

/** Where the pictures of a set come from. */
export interface PictureSource {
  /** As the user named it. */
  readonly name: string;
  readonly kind: 'folder' | 'list' | 'npz' | 'statistics';
  /** Pictures; of statistics alone those that they were taken of, 0 where the file does not say. */
  readonly count: number;
  /** Whether there are pictures: false for statistics alone. */
  readonly hasPictures: boolean;
  /** Of the file: beside the pictures as in ADM's references, or alone. */
  readonly statistics?: StoredStatistics | undefined;
  /** What lies beside the pictures and is not read, a line a kind. */
  readonly remarks: readonly string[];
  /** Of all pictures, in order: as `NamedPicture.name`. */
  names(): Promise<readonly string[]>;
  /** What a picture is called and the file that it lies in, whether or not it can be read. */
  placeOf(index: number): Promise<{ readonly name: string; readonly path: string }>;
  /**
   * One picture.
   *
   * @throws SvgT2IError where it cannot be read, or is not there
   */
  picture(index: number): Promise<NamedPicture>;
  /** In order, each once, decoded some ahead of where the reader is; those that cannot be read are left out. */
  pictures(options: ReadingOptions): AsyncIterable<NamedPicture>;
  /** Closes files and ends threads. */
  close(): Promise<void>;
}

export interface ReadingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each picture that cannot be read and is left out. */
  readonly onBad: (bad: BadPicture) => void;
  /** The first so many only. */
  readonly count?: number | undefined;
}

export interface NamedPicture {
  /** Relative to the set, with `/` and the extension; the number of an entry of an npz. */
  readonly name: string;
  /** From 0, in the set's order, unreadable ones counted. */
  readonly index: number;
  readonly image: RgbImage;
  /** Absolute path of the file, where it is one. */
  readonly path?: string | undefined;
  /** What the file was. */
  readonly facts?: PictureFacts | undefined;
}

/** A picture of a set that cannot be read. */
export interface BadPicture {
  readonly name: string;
  readonly index: number;
  /** Of the file, or of the npz. */
  readonly path: string;
  /** Why; it names the file. */
  readonly message: string;
  /** Of a pair: which side cannot be read; undefined where the two do not fit each other. */
  readonly side?: 'set' | 'reference' | undefined;
}

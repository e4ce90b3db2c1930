/** The pool of threads that reads pictures, in this thread: workers run built files, and unit tests read the sources. */
import { fitPicture, type PictureFit } from '../../../lib/data/fit-picture.js';
import { type DecodeOptions, readPicture } from '../../../lib/image/decode.js';

export class ImagePool {
  readonly #decode: DecodeOptions;

  constructor(_workers: number, decode: DecodeOptions) {
    this.#decode = decode;
  }

  async read(path: string, fit: PictureFit) {
    const { image, facts } = await readPicture(path, this.#decode);
    return { image: fitPicture(image, fit), facts };
  }

  async dispose() {}
}

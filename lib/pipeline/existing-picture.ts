/** What a file remembers of how it was drawn, where it is there at all. */
import { SvgT2IError } from '../errors.js';
import { type ImageParameters, readFileParameters } from '../image/parameters.js';

/**
 * `absent`: no file is there, a link to nothing, a file that is empty or no picture. `unmarked`: a picture that carries no
 * parameters, so that nobody can tell it from another.
 */
export type ExistingPicture = 'absent' | 'unmarked' | ImageParameters;

/** @throws SvgT2IError ERR_SVGT2I_IO for a file that cannot be read */
export async function existingPicture(path: string): Promise<ExistingPicture> {
  try {
    return (await readFileParameters(path)) ?? 'unmarked';
  } catch (error) {
    if (!SvgT2IError.isInstance(error)) throw error;
    if (error.code === 'ERR_SVGT2I_FILE_NOT_FOUND' || error.code === 'ERR_SVGT2I_IMAGE') return 'absent';
    throw error;
  }
}

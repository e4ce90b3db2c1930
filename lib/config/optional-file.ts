/** A small configuration file that need not be there. */
import { firstLine, SvgT2IError } from '../errors.js';
import { readTextSync } from '../regular-file.js';

/** Of dimensions and defaults, which take some hundred bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * What `parse` makes of the file's text; undefined where there is no such file.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a text that does not parse
 */
export function readOptionalFile(path: string, parse: (text: string) => unknown): unknown {
  let text: string;
  try {
    text = readTextSync(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return undefined;
    throw error;
  }
  try {
    return parse(text);
  } catch (error) {
    if (SvgT2IError.isInstance(error)) throw error;
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${path}: ${firstLine(error)}`, { cause: error });
  }
}

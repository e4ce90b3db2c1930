/** A small configuration file that need not be there. */
import { readFileSync } from 'node:fs';
import { fileError, firstLine, SvgT2IError } from '../errors.js';

/**
 * What `parse` makes of the file's text; undefined where there is no such file.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a text that does not parse
 */
export function readOptionalFile(path: string, parse: (text: string) => unknown): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const failure = fileError(error, 'read', path);
    if (failure.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return undefined;
    throw failure;
  }
  try {
    return parse(text);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${path}: ${firstLine(error)}`, { cause: error });
  }
}

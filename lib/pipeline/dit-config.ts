/** model_args.json beside a transformer's weights: what their shapes cannot tell, such as the axes of a head. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ditModelSchema } from '../config/train-dit.js';
import { validate } from '../config/validate.js';
import type { JsonValue } from '../engine.js';
import { fileError, firstLine, SvgT2IError } from '../errors.js';

/**
 * The dimensions that training exported with these weights; undefined where no such file lies beside them.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values
 */
export function readDitConfig(weights: string): JsonValue | undefined {
  const path = join(dirname(weights), 'model_args.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const failure = fileError(error, 'read', path);
    if (failure.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return undefined;
    throw failure;
  }
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${path}: ${firstLine(error)}`, { cause: error });
  }
  return { ...validate(ditModelSchema, tree, { source: path }) };
}

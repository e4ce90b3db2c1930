/** model_args.json beside a transformer's weights: what their shapes cannot tell, such as the axes of a head. */
import { dirname, join } from 'node:path';
import { readOptionalFile } from '../config/optional-file.js';
import { ditModelSchema } from '../config/train-dit.js';
import { validate } from '../config/validate.js';
import type { JsonValue } from '../engine.js';

/**
 * The dimensions that training exported with these weights; undefined where no such file lies beside them.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values
 */
export function readDitConfig(weights: string): JsonValue | undefined {
  const path = join(dirname(weights), 'model_args.json');
  const tree = readOptionalFile(path, JSON.parse);
  return tree === undefined ? undefined : { ...validate(ditModelSchema, tree, { source: path }) };
}

/** model_args.json beside a transformer's weights: what their shapes cannot tell, such as the axes of a head. */
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { svgArgumentsSchema } from '../config/class-dit.js';
import { readOptionalFile } from '../config/optional-file.js';
import { raeArgumentsSchema } from '../config/rae-dit.js';
import { validate } from '../config/validate.js';
import { velocityModelSchema } from '../config/velocity-model.js';
import type { VELOCITY_MODELS } from '../facts.js';
import type { EngineConfig } from '../native/jobs.js';

export interface DitConfig {
  /** Of the transformer; undefined where the file is silent, as those of the original are. */
  readonly kind: keyof typeof VELOCITY_MODELS | undefined;
  readonly dimensions: EngineConfig;
  /** Whether training had the text encoder's attention scores capped; undefined where the file is silent. */
  readonly attentionSoftCap: boolean | undefined;
}

const frameSchema = z.looseObject({ attention_soft_cap: z.boolean().optional() });

/**
 * What training exported with these weights; undefined where no such file lies beside them.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values
 */
export function readDitConfig(weights: string): DitConfig | undefined {
  const source = join(dirname(weights), 'model_args.json');
  const tree = readOptionalFile(source, JSON.parse);
  if (tree === undefined) return undefined;
  const { attention_soft_cap: attentionSoftCap, ...given } = validate(frameSchema, tree, { source });
  if (given.kind === 'svg' || given.kind === 'rae-dit') {
    const schema = given.kind === 'svg' ? svgArgumentsSchema : raeArgumentsSchema;
    const { kind, ...known } = validate(schema, given, { source });
    // Without the schema's defaults, which are those of a new model.
    const said = Object.entries(known).filter(([key]) => Object.hasOwn(given, key));
    return { kind, dimensions: Object.fromEntries(said), attentionSoftCap };
  }
  const { kind, ...dimensions } = validate(velocityModelSchema, given, { source });
  return { kind, dimensions, attentionSoftCap };
}

/** The file's content for a model that was trained so; the cap is undefined for one that reads no text. */
export function ditConfigFile(model: object, attentionSoftCap: boolean | undefined): string {
  return `${JSON.stringify({ ...model, attention_soft_cap: attentionSoftCap }, null, 1)}\n`;
}

/** defaults.yaml of a release: the settings of `sample` that suit its models where nobody says otherwise. */
import { join } from 'node:path';
import { z } from 'zod';
import type { ResolvedModelOptions } from '../config/model.js';
import { readOptionalFile } from '../config/optional-file.js';
import { settingsWithRules } from '../config/request.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { parseYaml } from '../config/yaml.js';
import { SvgT2IError } from '../errors.js';
import { findFolder } from './layout.js';

/** Of the folder that these options lead to; empty where there is no such file, or no such folder. */
export function findModelDefaults(options: Pick<ResolvedModelOptions, 'pretrained'>): Settings {
  const folder = findFolder(options);
  return folder === undefined ? {} : readModelDefaults(folder);
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values */
export function readModelDefaults(folder: string): Settings {
  const { path, settings } = readDefaultsFile(folder);
  if (settings === undefined) return {};
  const complete: Readonly<Record<string, unknown>> = validate(settingsWithRules, settings, { source: path });
  // Only what the file says: the rest is the schema's business.
  const given = Object.keys(settings).filter((key) => complete[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, complete[key]]));
}

const trainedSizesSchema = z.strictObject({
  trainedSizes: z
    .array(z.string().regex(/^\d+x\d+$/, { error: 'must be WIDTHxHEIGHT' }))
    .min(1)
    .optional(),
});

/** `WIDTHxHEIGHT` of all pictures that the models of a release were trained on; undefined where nobody says. */
export function readTrainedSizes(folder: string): readonly string[] | undefined {
  const { path, trainedSizes } = readDefaultsFile(folder);
  return validate(trainedSizesSchema, { trainedSizes }, { source: path }).trainedSizes;
}

/** What the file says of `sample`, and what it says of the models. */
function readDefaultsFile(folder: string): {
  readonly path: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly trainedSizes?: unknown;
} {
  const path = join(folder, 'defaults.yaml');
  const tree = readOptionalFile(path, (text) => parseYaml(text, path));
  if (tree === undefined) return { path };
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${path}: must be a mapping`);
  }
  const { trainedSizes, ...settings } = tree as Readonly<Record<string, unknown>>;
  return { path, settings, trainedSizes };
}

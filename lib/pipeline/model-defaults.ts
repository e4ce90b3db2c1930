/** defaults.yaml of a release: the settings of `sample` that suit its models where nobody says otherwise. */
import { join } from 'node:path';
import type { ModelOptions } from '../config/model.js';
import { readOptionalFile } from '../config/optional-file.js';
import { type Settings, settingsWithRules } from '../config/request.js';
import { validate } from '../config/validate.js';
import { parseYaml } from '../config/yaml.js';
import { findFolder } from './layout.js';

/** Of the folder that these options lead to; empty where there is no such file, or no such folder. */
export function findModelDefaults(options: Pick<ModelOptions, 'pretrained'>): Settings {
  const folder = findFolder(options);
  return folder === undefined ? {} : readModelDefaults(folder);
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values */
export function readModelDefaults(folder: string): Settings {
  const path = join(folder, 'defaults.yaml');
  const tree = readOptionalFile(path, (text) => parseYaml(text, path));
  if (tree === undefined) return {};
  const complete: Readonly<Record<string, unknown>> = validate(settingsWithRules, tree, { source: path });
  // Only what the file says: the rest is the schema's business.
  const given = Object.keys(tree as object).filter((key) => complete[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, complete[key]]));
}

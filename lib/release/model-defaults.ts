/** defaults.yaml of a release: what suits its models where nobody says otherwise, and what they were trained on. */
import { join } from 'node:path';
import { defaultsSchemaOf } from '../config/defaults.js';
import { readOptionalFile } from '../config/optional-file.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { parseYaml } from '../config/yaml.js';

export interface ModelDefaults {
  /** Of `sample`. */
  readonly settings: Settings;
  /** Whether the transformer knows captions with capped attention scores; undefined where the file is silent. */
  readonly attentionSoftCap: boolean | undefined;
  /** `WIDTHxHEIGHT` of all pictures that the models were trained on; undefined where nobody says. */
  readonly trainedSizes: readonly string[] | undefined;
}

/** The file, read. */
export interface DefaultsFile {
  /**
   * `cellPixels` are those of the release's autoencoder; undefined where they are not known yet.
   *
   * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values
   */
  read(cellPixels: number | undefined): ModelDefaults;
}

const NONE: ModelDefaults = { settings: {}, attentionSoftCap: undefined, trainedSizes: undefined };

/** An empty one where there is no such file, or no folder. */
export function readDefaultsFile(folder: string | undefined): DefaultsFile {
  const path = join(folder ?? '', 'defaults.yaml');
  const tree = folder === undefined ? undefined : readOptionalFile(path, (text) => parseYaml(text, path));
  if (tree === undefined) return { read: () => NONE };
  return { read: (cellPixels) => defaultsOf(tree, path, cellPixels) };
}

function defaultsOf(tree: unknown, path: string, cellPixels: number | undefined): ModelDefaults {
  const { attentionSoftCap, trainedSizes, ...complete } = validate(defaultsSchemaOf(cellPixels), tree, {
    source: path,
  });
  const values: Readonly<Record<string, unknown>> = complete;
  // Only what the file says: the rest is the schema's business.
  const given = Object.keys(tree as object).filter((key) => values[key] !== undefined);
  return {
    settings: Object.fromEntries(given.map((key) => [key, values[key]])),
    attentionSoftCap,
    trainedSizes,
  };
}

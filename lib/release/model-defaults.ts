/** defaults.yaml of a release: what suits its models where nobody says otherwise, and what they were trained on. */
import { join } from 'node:path';
import { defaultsSchemaOf } from '../config/defaults.js';
import type { ResolvedModelOptions, WeightKind } from '../config/model.js';
import { readOptionalFile } from '../config/optional-file.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { parseYaml } from '../config/yaml.js';
import { findCellPixels } from './cell-pixels.js';
import { findDit } from './dit-files.js';
import { DIT_KINDS, type DitKind, ditKindOf } from './dit-kind.js';
import { findFolder } from './layout.js';

export interface ModelDefaults {
  /** Of `sample`. */
  readonly settings: Settings;
  /** Settings that only the loaded model tells; `settings` then has what is likely. */
  readonly ofModel?: readonly (keyof Settings)[];
  /** Whether the transformer knows captions with capped attention scores; undefined where the file is silent. */
  readonly attentionSoftCap: boolean | undefined;
  /** `WIDTHxHEIGHT` of all pictures that the models were trained on; undefined where nobody says. */
  readonly trainedSizes: readonly string[] | undefined;
}

const NONE: ModelDefaults = { settings: {}, attentionSoftCap: undefined, trainedSizes: undefined };

/**
 * Of the folder that these options lead to, over those of the transformer's kind; empty where there is no such file, or no
 * such folder.
 */
export function findModelDefaults(
  options: Pick<ResolvedModelOptions, 'pretrained' | 'dit' | 'autoencoder'> & {
    readonly weights?: WeightKind;
  },
  /** Whether a class is to be drawn, so that the transformer can only be one of that kind. */
  ofClass = false,
): ModelDefaults {
  const folder = findFolder(options);
  const dit = findDit(folder ?? '.', options.dit, options.weights ?? 'auto');
  const said = typeof dit === 'string' ? ditKindOf(dit) : DIT_KINDS['next-dit'];
  const isGuess = ofClass && said.condition === 'text';
  const kind = isGuess ? DIT_KINDS.svg : said;
  const found = folder === undefined ? NONE : readModelDefaults(folder, findCellPixels(options));
  const ofModel = settingsOfModel(kind, isGuess).filter((name) => found.settings[name] === undefined);
  return {
    ...found,
    settings: { ...kind.settings, ...found.settings },
    ...(ofModel.length === 0 ? {} : { ofModel }),
  };
}

/** Of a model whose name tells no kind, all that a kind is sampled with. */
function settingsOfModel(kind: DitKind, isGuess: boolean): readonly (keyof Settings)[] {
  if (isGuess) return Object.keys(kind.settings) as (keyof Settings)[];
  return kind.shiftBase === undefined ? [] : ['width', 'height', 'shift'];
}

/**
 * `cellPixels` are those of the release's autoencoder; undefined where they are not known yet.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a file with other keys or values
 */
export function readModelDefaults(folder: string, cellPixels?: number): ModelDefaults {
  const path = join(folder, 'defaults.yaml');
  const tree = readOptionalFile(path, (text) => parseYaml(text, path));
  if (tree === undefined) return NONE;
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

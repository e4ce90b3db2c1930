/** The configuration of commands that draw: their layers, and below them what the release says of itself. */
import { type ConfigSources, type ConfigTree, givenConfig, loadConfig, merge } from '../config/load.js';
import { type SampleConfig, sampleConfigSchemaOf } from '../config/sample.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { findCellPixels } from '../release/cell-pixels.js';
import { findModelDefaults } from '../release/model-defaults.js';

export interface DrawConfig extends SampleConfig {
  /** Settings of `sample` that nobody gave and only the loaded model tells: what stands there is but likely. */
  readonly ofModel: readonly (keyof Settings)[];
}

export async function loadSampleConfig(
  sources: ConfigSources,
  { ofClass = false }: { readonly ofClass?: boolean } = {},
): Promise<DrawConfig> {
  // Twice, since only the configuration says where the release is, and only that which sizes its cells allow.
  const anyCells = sampleConfigSchemaOf(undefined);
  const given = await givenConfig(anyCells, sources);
  const { model } = validate(anyCells, given, { nameOf: sources.nameOf });
  const schema = sampleConfigSchemaOf(findCellPixels(model));
  const { defaults = {} } = sources;
  const { settings: sample, ofModel = [] } = findModelDefaults(model, ofClass);
  const config = await loadConfig(schema, { ...sources, defaults: merge(defaults, { sample }) });
  const said = (given.sample ?? {}) as ConfigTree;
  return { ...config, ofModel: ofModel.filter((name) => said[name] === undefined) };
}

/** As a file that leaves to the model what is the model's. */
export function printedConfig({ ofModel, sample, ...config }: DrawConfig) {
  return { ...config, sample: without(sample, ofModel) };
}

export function without<Values extends object>(values: Values, names: readonly string[]): Partial<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => !names.includes(name)),
  ) as Partial<Values>;
}

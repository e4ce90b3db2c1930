/** The configuration of commands that draw: their layers, and below them what the release says of itself. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { type ConfigSources, type ConfigTree, givenConfig, loadConfig, merge } from '../config/load.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { type SampleConfig, sampleConfigSchemaOf } from '../config/sample.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { FoundRelease } from '../release/found-release.js';
import { sampleDefaults } from '../release/sample-defaults.js';

export interface DrawConfig extends SampleConfig {
  /** Settings of `sample` that nobody gave and only the loaded model tells: what stands there is but likely. */
  readonly ofModel: readonly (keyof Settings)[];
  /** Settings that nobody gave and a request leaves to the loaded model, though they are as good as known. */
  readonly leftToModel: readonly (keyof Settings)[];
  /** What `model` leads to. */
  readonly found: FoundRelease<ResolvedModelOptions>;
}

export async function loadSampleConfig(
  sources: ConfigSources,
  { ofClass = false }: { readonly ofClass?: boolean } = {},
): Promise<DrawConfig> {
  // Twice, since only the configuration says where the release is, and only that which sizes its cells allow.
  const anyCells = sampleConfigSchemaOf(undefined);
  const given = await givenConfig(anyCells, sources);
  const { model } = validate(anyCells, given, { nameOf: sources.nameOf });
  const found = new FoundRelease(model, (option) => {
    const path = `model.${option}`;
    return sources.nameOf?.(path) ?? path;
  });
  const schema = sampleConfigSchemaOf(found.cellPixels ?? PUBLISHED_CELL_PIXELS);
  const { defaults = {} } = sources;
  const { settings: sample, ofModel = [], leftToModel = [] } = sampleDefaults(found, ofClass);
  const config = await loadConfig(schema, { ...sources, defaults: merge(defaults, { sample }) });
  const said = (given.sample ?? {}) as ConfigTree;
  const isUnsaid = (name: keyof Settings) => said[name] === undefined;
  return { ...config, ofModel: ofModel.filter(isUnsaid), leftToModel: leftToModel.filter(isUnsaid), found };
}

/** As a file that leaves to the model what is the model's. */
export function printedConfig({ ofModel, leftToModel, found: _, sample, ...config }: DrawConfig) {
  return { ...config, sample: without(sample, [...ofModel, ...leftToModel]) };
}

export function without<Values extends object>(values: Values, names: readonly string[]): Partial<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => !names.includes(name)),
  ) as Partial<Values>;
}

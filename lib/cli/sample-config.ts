/** The configuration of commands that draw: their layers, and below them what the release says of itself. */
import { type ConfigSources, loadConfig, merge } from '../config/load.js';
import { type SampleConfig, sampleConfigSchemaOf } from '../config/sample.js';
import { findCellPixels } from '../release/cell-pixels.js';
import { findModelDefaults } from '../release/model-defaults.js';

export async function loadSampleConfig(
  sources: ConfigSources,
  { ofClass = false }: { readonly ofClass?: boolean } = {},
): Promise<SampleConfig> {
  // Twice, since only the configuration says where the release is, and only that which sizes its cells allow.
  const { model } = await loadConfig(sampleConfigSchemaOf(undefined), sources);
  const schema = sampleConfigSchemaOf(findCellPixels(model));
  const { defaults = {} } = sources;
  const { settings: sample } = findModelDefaults(model, ofClass);
  return loadConfig(schema, { ...sources, defaults: merge(defaults, { sample }) });
}

/** The configuration of commands that draw: their layers, and below them what the release says of itself. */
import { type ConfigSources, loadConfig, merge } from '../config/load.js';
import { type SampleConfig, sampleConfigSchema } from '../config/sample.js';
import { findModelDefaults } from '../release/model-defaults.js';

export async function loadSampleConfig(
  sources: ConfigSources,
  { ofClass = false }: { readonly ofClass?: boolean } = {},
): Promise<SampleConfig> {
  // Twice, since only the configuration says where the release is.
  const { model } = await loadConfig(sampleConfigSchema, sources);
  const { defaults = {} } = sources;
  const { settings: sample } = findModelDefaults(model, ofClass);
  return loadConfig(sampleConfigSchema, { ...sources, defaults: merge(defaults, { sample }) });
}

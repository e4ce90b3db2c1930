/** The configuration of the commands that draw as `sample` does. */
import type { ConfigSources } from '../config/load.js';
import { type SampleConfig, sampleConfigSchemaOf } from '../config/sample.js';
import { type DrawnFrom, loadDrawConfig, without } from '../release/draw-config.js';

export { without };

export interface DrawConfig extends SampleConfig, DrawnFrom {}

export function loadSampleConfig(
  sources: ConfigSources,
  options: { readonly ofClass?: boolean } = {},
): Promise<DrawConfig> {
  return loadDrawConfig(sampleConfigSchemaOf, sources, options);
}

/** As a file that leaves to the model what is the model's. */
export function printedConfig({ ofModel, leftToModel, found: _, sample, ...config }: DrawConfig) {
  return { ...config, sample: without(sample, [...ofModel, ...leftToModel]) };
}

/** The configuration of a benchmark that is drawn, from its layers. */
import { type GenerateConfigValues, generateConfigSchemaOf } from '../../config/eval/generate.js';
import { type ConfigKeys, type ConfigSources, MODEL_ENVIRONMENT } from '../../config/load.js';
import { type DrawnFrom, loadDrawConfig, without } from '../../release/draw-config.js';

const keys: ConfigKeys = {
  paths: ['model.pretrained', 'benchmark.prompts', 'benchmark.out'],
  names: ['model.pretrained'],
  environment: MODEL_ENVIRONMENT,
  isFilePartial: true,
};

export interface GenerateConfig extends GenerateConfigValues, DrawnFrom {}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG; or what the release's files are refused for */
export function loadGenerateConfig(sources: ConfigSources): Promise<GenerateConfig> {
  // A release's defaults may say them, a benchmark decides them.
  const leaveOut = ['count', 'seedMode', 'seed'] as const;
  return loadDrawConfig(generateConfigSchemaOf, { ...sources, keys }, { leaveOut });
}

/** As a file that leaves to the model what is the model's. */
export function printedGenerateConfig({
  ofModel,
  leftToModel,
  found: _,
  sample,
  ...config
}: GenerateConfig): object {
  return { ...config, sample: without(sample, [...ofModel, ...leftToModel]) };
}

/** The configuration of the class-conditional protocol, from its layers: below all of them the sampler of the published figures. */
import {
  type ImagenetConfigValues,
  imagenetConfigSchemaOf,
  PUBLISHED_SAMPLER,
} from '../../config/eval/imagenet.js';
import {
  type ConfigKeys,
  type ConfigSources,
  type ConfigTree,
  givenConfig,
  MODEL_ENVIRONMENT,
  merge,
} from '../../config/load.js';
import { type DrawnFrom, loadDrawConfig, without } from '../../release/draw-config.js';

export const IMAGENET_KEYS: ConfigKeys = {
  paths: ['model.pretrained', 'imagenet.reference', 'imagenet.inception', 'imagenet.out'],
  names: ['model.pretrained'],
  environment: MODEL_ENVIRONMENT,
  isFilePartial: true,
};

export interface ImagenetConfig extends ImagenetConfigValues, DrawnFrom {}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG; or what the release's files are refused for */
export async function loadImagenetConfig(sources: ConfigSources): Promise<ImagenetConfig> {
  const layers = { ...sources, keys: IMAGENET_KEYS };
  // A release's defaults may say them, the protocol decides them.
  const how = { ofClass: true, leaveOut: ['count', 'seedMode', 'seed'] as const };
  const config = await loadDrawConfig(imagenetConfigSchemaOf, layers, how);
  const kind = config.found.ditKind?.name ?? 'svg';
  if (kind !== 'svg') return config;
  const given = await givenConfig(imagenetConfigSchemaOf(undefined), layers);
  const said = {
    ...config.found.defaults.read(undefined).settings,
    ...(given.sample as ConfigTree | undefined),
  };
  const unsaid = without(PUBLISHED_SAMPLER, Object.keys(said));
  const flags = merge({ sample: unsaid }, sources.flags ?? {});
  return loadDrawConfig(imagenetConfigSchemaOf, { ...layers, flags }, how);
}

/** As a file that leaves to the model what is the model's. */
export function printedImagenetConfig({
  ofModel,
  leftToModel,
  found: _,
  sample,
  ...config
}: ImagenetConfig): object {
  return { ...config, sample: without(sample, [...ofModel, ...leftToModel]) };
}

/** The configuration of commands that need models but draw nothing: the `model` section of a file of `sample`. */
import { loadConfig } from '../config/load.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { sampleConfigSchema } from '../config/sample.js';
import { type CommonOptions, flagNames, flagTree, MODEL_FLAGS } from './flags.js';

export async function loadModelConfig(
  options: CommonOptions & Readonly<Record<string, unknown>>,
): Promise<ResolvedModelOptions> {
  const config = await loadConfig(sampleConfigSchema, {
    file: options.config,
    environment: process.env,
    flags: flagTree(MODEL_FLAGS, options),
    set: options.set,
    nameOf: flagNames(MODEL_FLAGS, options),
  });
  return config.model;
}

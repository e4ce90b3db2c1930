/** The configuration of what draws: its layers, and below them what the release says of itself. */
import type { z } from 'zod';
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { type ConfigSources, type ConfigTree, givenConfig, loadConfig, merge } from '../config/load.js';
import type { ResolvedModelOptions } from '../config/model.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { FoundRelease } from './found-release.js';
import { sampleDefaults } from './sample-defaults.js';

/** What of a configuration the release settles. */
export interface DrawnFrom {
  /** Settings of `sample` that nobody gave and only the loaded model tells: what stands there is but likely. */
  readonly ofModel: readonly (keyof Settings)[];
  /** Settings that nobody gave and a request leaves to the loaded model, though they are as good as known. */
  readonly leftToModel: readonly (keyof Settings)[];
  /** What `model` leads to. */
  readonly found: FoundRelease<ResolvedModelOptions>;
}

/** A schema with the sections `model` and `sample`, for an autoencoder with cells of so many pixels a side; undefined: not known yet. */
export type DrawSchemaOf<Values> = (cellPixels: number | undefined) => z.ZodType<Values>;

/**
 * Reads a configuration whose `sample` has the release's defaults below what was given.
 *
 * @param leaveOut settings that this `sample` does not have, though a release may say them
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG, or what the release's own files are refused for
 */
export async function loadDrawConfig<Values extends { readonly model: ResolvedModelOptions }>(
  schemaOf: DrawSchemaOf<Values>,
  sources: ConfigSources,
  {
    ofClass = false,
    leaveOut = [],
  }: { readonly ofClass?: boolean; readonly leaveOut?: readonly (keyof Settings)[] } = {},
): Promise<Values & DrawnFrom> {
  // Twice, since only the configuration says where the release is, and only that which sizes its cells allow.
  const anyCells = schemaOf(undefined);
  const given = await givenConfig(anyCells, sources);
  const { model } = validate(anyCells, given, { nameOf: sources.nameOf });
  const found = new FoundRelease(model, (option) => {
    const path = `model.${option}`;
    return sources.nameOf?.(path) ?? path;
  });
  const schema = schemaOf(found.cellPixels ?? PUBLISHED_CELL_PIXELS);
  const { defaults = {} } = sources;
  const { settings, ofModel = [], leftToModel = [] } = sampleDefaults(found, ofClass);
  const sample = without(settings, leaveOut);
  const config = await loadConfig(schema, { ...sources, defaults: merge(defaults, { sample }) });
  const said = (given.sample ?? {}) as ConfigTree;
  const isUnsaid = (name: keyof Settings) => said[name] === undefined;
  return { ...config, ofModel: ofModel.filter(isUnsaid), leftToModel: leftToModel.filter(isUnsaid), found };
}

export function without<Values extends object>(values: Values, names: readonly string[]): Partial<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => !names.includes(name)),
  ) as Partial<Values>;
}

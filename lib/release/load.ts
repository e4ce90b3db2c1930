/** Loads a release into an engine: finds the files, then the models one after another. */
import { linkedController, throwIfAborted } from '../abort.js';
import type { ResolvedModelOptions } from '../config/model.js';
import type { Settings } from '../config/settings.js';
import { Engine, runtimeInfo } from '../engine.js';
import type { EngineConfig, LoadParts, LoadRequest } from '../native/jobs.js';
import type { LoadedModels, LoadOptions } from '../release/types.js';
import { type OpenTokenizer, openTokenizer } from '../text/open-tokenizer.js';
import { softCapWarning } from './attention-soft-cap.js';
import type { AutoencoderConfig } from './autoencoder-config.js';
import { type ClassNames, readClassNames } from './class-names.js';
import { readDitConfig } from './dit-config.js';
import { DIT_KINDS, type DitKind, meantFor, usualSettings } from './dit-kind.js';
import { FoundRelease } from './found-release.js';
import { checkMeaningful, layoutOf, MODEL_PARTS, type ReleaseLayout } from './layout.js';
import { checkLoadOptions, type LoadHow } from './load-options.js';
import { drawnPrecision, slowPrecision } from './precision.js';
import type { RaeFiles } from './rae-files.js';

export interface Loaded {
  readonly engine: Engine;
  readonly tokenizer: OpenTokenizer | undefined;
  readonly layout: ReleaseLayout;
  /** What requests take where they say nothing. */
  readonly defaults: Settings;
  /** `WIDTHxHEIGHT`; undefined where the release does not say. */
  readonly trainedSizes?: readonly string[] | undefined;
  readonly models: LoadedModels;
  /** What pictures say that they were drawn in. */
  readonly drawnIn: string;
  /** Of the transformer; that of SVG-T2I where none was loaded. */
  readonly kind: DitKind;
  /** Of a class-conditional model; undefined where no file names its classes. */
  readonly classNames: ClassNames | undefined;
  /** As it was settled for the text encoder. */
  readonly attentionSoftCap: boolean;
}

export async function loadRelease(options: LoadOptions): Promise<Loaded> {
  const { model, how } = checkLoadOptions(options);
  return await loadFound(new FoundRelease(model), how);
}

/** The same of one that was found already, by options that were checked. */
export async function loadFound(
  found: FoundRelease<ResolvedModelOptions>,
  { parts = MODEL_PARTS, maxBatchTokens, niceness, signal, onProgress }: LoadHow,
): Promise<Loaded> {
  throwIfAborted(signal);
  const { options: resolved } = found;
  const layout = layoutOf(found, parts);
  const { settings, trainedSizes } = found.defaults.read(layout.autoencoder?.config?.cellPixels);
  const classNames = layout.classNames === undefined ? undefined : readClassNames(layout.classNames);
  const { device, threads } = resolved;
  const engine = await Engine.create(
    {
      device,
      ...(threads === undefined ? {} : { threads }),
      ...(maxBatchTokens === undefined ? {} : { maxBatchTokens }),
      ...(niceness === undefined ? {} : { niceness }),
    },
    { signal, owner: 'The pipeline' },
  );
  const either = linkedController(signal);
  const opening =
    layout.textEncoder === undefined
      ? undefined
      : openTokenizer(layout.textEncoder, { signal: either.signal, owner: 'The pipeline' });
  try {
    const request = loadRequest(found, layout);
    const total = Object.keys(request.parts).length;
    let done = 0;
    const [tokenizer, job] = await Promise.all([
      opening,
      engine.run(
        'load',
        { ...request.settings, ...request.parts },
        { signal, onEvent: ({ part }) => onProgress?.({ type: 'load', part, done: done++, total }) },
      ),
    ]);
    const { remarks, ...models } = job.value;
    const slow = slowPrecision(models, () => runtimeInfo());
    const warnings = [...layout.warnings, ...request.warnings, ...remarks, ...slow];
    const used = models.autoencoder?.ownEncoder === true ? withOwnEncoder(layout) : layout;
    const { attentionSoftCap } = request;
    const kind = kindOf(layout.dit === undefined ? undefined : found.ditKind, models);
    if (models.dit !== undefined) checkMeaningful(found, kind);
    const { cellPixels } = models.autoencoder ?? {};
    const usual = usualSettings(kind, models.dit, { cellPixels, weak: layout.weakDit !== undefined });
    const defaults = { ...usual, ...meantFor(kind, settings) };
    return {
      ...{ engine, tokenizer, layout: { ...used, warnings }, defaults, trainedSizes, models },
      ...{ kind, classNames, attentionSoftCap, drawnIn: drawnPrecision(models, resolved.dtype) },
    };
  } catch (error) {
    // Of a load that failed the tokenizer is not waited for.
    either.end();
    const [tokenizer] = await Promise.allSettled([opening, engine.dispose()]);
    if (tokenizer.status === 'fulfilled') await tokenizer.value?.dispose();
    throw error;
  } finally {
    either.end();
  }
}

/** The release, as its features come from the encoder inside the checkpoint: it was trained along. */
export function withOwnEncoder(layout: ReleaseLayout): ReleaseLayout {
  const { autoencoder } = layout;
  return autoencoder === undefined
    ? layout
    : { ...layout, autoencoder: { ...autoencoder, encoder: undefined } };
}

/** What the weights are counts more than what they are called. */
function kindOf(said: DitKind | undefined, models: LoadedModels): DitKind {
  const known = Object.values(DIT_KINDS).find(({ name }) => name === models.dit?.kind);
  if (known !== undefined) return known;
  if (models.dit?.condition === 'class') return said?.condition === 'class' ? said : DIT_KINDS.svg;
  return DIT_KINDS['next-dit'];
}

/** What the engine is asked to load, or to count, of a release. */
export function loadRequest(found: FoundRelease<ResolvedModelOptions>, layout: ReleaseLayout) {
  const { textEncoder, dit, autoencoder, statistics } = layout;
  const layer = autoencoder?.config?.statisticsLayer ?? -1;
  const parts: { -readonly [Part in keyof LoadParts]: LoadParts[Part] } = {};
  if (statistics !== undefined) parts.statistics = { path: statistics, layer };
  const ofAutoencoder = autoencoderRequest(autoencoder);
  if (ofAutoencoder !== undefined) parts.autoencoder = ofAutoencoder;
  if (dit !== undefined) {
    const { weakDit } = layout;
    const weak =
      weakDit === undefined ? undefined : { path: weakDit, config: readDitConfig(weakDit)?.dimensions };
    parts.dit = { path: dit, config: found.ditConfig?.dimensions, weak };
  }
  const warnings: string[] = [];
  const { attentionSoftCap, trained } = found.softCap({ ofDit: dit !== undefined });
  if (textEncoder !== undefined) {
    const warning = softCapWarning(attentionSoftCap, trained);
    if (warning !== undefined) warnings.push(warning);
    parts.textEncoder = { path: textEncoder, attentionSoftCap };
  }
  const { dtype, offload } = found.options;
  const settings: Pick<LoadRequest, 'dtype' | 'offload'> = { dtype, offload };
  return { settings, parts, warnings, attentionSoftCap };
}

/** What the engine is asked to load of the autoencoder. */
export function autoencoderRequest(autoencoder: ReleaseLayout['autoencoder']): LoadParts['autoencoder'] {
  if (autoencoder === undefined) return undefined;
  return {
    checkpoint: autoencoder.checkpoint,
    ...(autoencoder.encoder === undefined ? {} : { encoder: autoencoder.encoder }),
    ...(autoencoder.config === undefined ? {} : { config: dimensions(autoencoder.config) }),
    ...raeRequest(autoencoder.rae),
  };
}

/** Statistics in a file of their own, and what the weights do not tell. */
function raeRequest(rae: RaeFiles | undefined): {
  readonly statistics?: string;
  readonly config?: EngineConfig;
} {
  if (rae === undefined) return {};
  const { statistics, said } = rae;
  return { ...(statistics === undefined ? {} : { statistics }), config: { decoder: said } };
}

/** What the engine holds against the weights. */
function dimensions(config: AutoencoderConfig): EngineConfig {
  return {
    decoder: { ...config.decoder, z_channels: config.latentChannels },
    ...(config.residual === null ? {} : { residual: { ...config.residual } }),
  };
}

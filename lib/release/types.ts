/** What loading a release takes, tells and gives. */
import type { SignalOptions } from '../abort.js';
import type { ModelOptions } from '../config/model.js';

export type {
  LoadedAutoencoder,
  LoadedDit,
  LoadedModels,
  LoadedStatistics,
  LoadedTextEncoder,
} from '../native/loaded-models.js';

/** A part of a release that can be loaded alone. */
export type ModelPart = 'textEncoder' | 'dit' | 'autoencoder';
/** The statistics come with the transformer; training wants them without it. */
export type ReleasePart = ModelPart | 'statistics';

/** What `SvgT2I.load()` takes. */
export interface LoadOptions extends ModelOptions, SignalOptions {
  /**
   * What is needed: `['autoencoder']` is enough to encode and decode, `['textEncoder']` to enhance prompts. Default: all
   * three, for pictures from text.
   */
  readonly parts?: readonly ReleasePart[] | undefined;
  /** Called before each part is loaded. */
  readonly onProgress?: ((event: LoadEvent) => void) | undefined;
}

/** A part is about to be loaded. */
export interface LoadEvent {
  readonly type: 'load';
  /** `statistics`, `autoencoder`, `dit` or `textEncoder`. */
  readonly part: string;
  /** Parts loaded before this one. */
  readonly done: number;
  /** Parts in all. */
  readonly total: number;
}

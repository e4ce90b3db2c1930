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
  /**
   * Image tokens that are drawn at one time, 1 or more: requests are drawn together, each in its own number of steps, until
   * the next one would pass this. One that is alone may have more. A token is 16 x 16 px with the published models. Default:
   * 16384, four pictures of 1024 x 1024 px.
   */
  readonly maxBatchTokens?: number | undefined;
  /**
   * By how much the threads that draw give way to the others of this process, as `nice` counts it: 0 (default) to 19. On a
   * CPU that draws with all its cores, 5 leaves the event loop as quick as on an idle one.
   */
  readonly niceness?: number | undefined;
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

/** What loading a release takes, tells and gives. */
import type { SignalOptions } from '../abort.js';
import type { ModelOptions } from '../config/model.js';

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

/** What was loaded; parts that were not asked for are absent. */
export interface LoadedModels {
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  /** What the models compute in: `fp32` or `bf16`. */
  readonly dtype: string;
  /** Gemma-2. */
  readonly textEncoder?: LoadedTextEncoder;
  /** The diffusion transformer. */
  readonly dit?: LoadedDit;
  /** Encoder and decoder between pictures and features. */
  readonly autoencoder?: LoadedAutoencoder;
  /** Mean and deviation of the features. */
  readonly statistics?: LoadedStatistics;
  /** Channels of what encode() returns and decode() takes; absent without the autoencoder. */
  readonly latentChannels?: number;
}

/** The text encoder. */
export interface LoadedTextEncoder {
  /** Numbers a token. */
  readonly hiddenSize: number;
  /** Rows of the token table. */
  readonly vocabSize: number;
  /** Tokens of the longest text that it continues, the new ones included. */
  readonly maxTokens: number;
  /** Whether its attention scores are capped: `attentionSoftCap` of the options, and a cap in its config.json. */
  readonly attentionSoftCap: boolean;
}

/** The diffusion transformer. */
export interface LoadedDit {
  /** Channels of the latents that it draws. */
  readonly channels: number;
  /** What its pictures are asked for by. */
  readonly condition?: 'text' | 'class';
  /** Of a class-conditional model: how many classes it has. */
  readonly classes?: number;
  /** Numbers a caption token, as the text encoder gives them. */
  readonly captionDim: number;
  /** Weights in all. */
  readonly parameters: number;
  /** Side of its patches, in rows or columns of a latent. */
  readonly patchSize: number;
  /** Tokens of the longest caption; what is longer is cut with a warning. */
  readonly maxCaptionTokens: number;
  /** Rows of the largest latent: 1/16 of the picture's height. */
  readonly maxLatentRows: number;
  /** Columns of the largest latent: 1/16 of the picture's width. */
  readonly maxLatentColumns: number;
}

/** The autoencoder. */
export interface LoadedAutoencoder {
  /** `P`: frozen features alone; `R`: with the residual branch. */
  readonly kind: 'P' | 'R';
  /** Channels of its features. */
  readonly channels: number;
  /** Whether the encoder's weights were found: drawing needs the decoder alone. */
  readonly canEncode: boolean;
}

/** The statistics of the features. */
export interface LoadedStatistics {
  /** Channels of the features. */
  readonly channels: number;
}

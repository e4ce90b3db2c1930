/** What the engine says of the parts that it has loaded. */

/** What was loaded; parts that were not asked for are absent. */
export interface LoadedModels {
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  /** What the models compute in: `fp32`, `bf16` or `int8`; the transformer's where it is loaded. */
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
  /** What it computes in; weights that are stored as int8 may differ from the transformer's. */
  readonly dtype?: string;
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
  /** Of the engine's catalogue: `next-dit`, `svg` or `rae-dit`. */
  readonly kind?: string;
  /** What it computes in. */
  readonly dtype?: string;
  /** Channels of the latents that it draws. */
  readonly channels: number;
  /** What it draws from: captions, or numbers of classes. */
  readonly condition: 'text' | 'class';
  /** Of a model of classes: how many it knows. */
  readonly classes?: number;
  /** Of a model of classes: whether it was trained without a class too, which guidance needs. */
  readonly noneClass?: boolean;
  /** Of a model of captions: numbers a token, as the text encoder gives them. */
  readonly captionDim?: number;
  /** Whether its pictures may have a step cache. */
  readonly stepCache?: boolean;
  /** Weights in all. */
  readonly parameters: number;
  /** Side of its patches, in rows or columns of a latent. */
  readonly patchSize: number;
  /** Of a model of captions: tokens of the longest one; what is longer is cut with a warning. */
  readonly maxCaptionTokens?: number;
  /** Rows of the largest latent. */
  readonly maxLatentRows: number;
  /** Columns of the largest latent. */
  readonly maxLatentColumns: number;
  /** Rows of the one latent that it was trained on, where there is but one. */
  readonly latentRows?: number;
  /** Columns of that latent. */
  readonly latentColumns?: number;
}

/** The autoencoder. */
export interface LoadedAutoencoder {
  /** `P`: frozen features alone; `R`: with the residual branch. */
  readonly kind: 'P' | 'R';
  /** Channels of its features. */
  readonly channels: number;
  /** Pixels a side of what one row and column of its features stand for. */
  readonly cellPixels: number;
  /** Kind of its encoder, such as `dinov3`; null without one. */
  readonly encoder: string | null;
  /** Kind of its decoder, such as `conv`. */
  readonly decoder: string;
  /** Whether the encoder's weights were found: drawing needs the decoder alone. */
  readonly canEncode: boolean;
  /** Whether the encoder is the checkpoint's own: it comes before a file of another. */
  readonly ownEncoder: boolean;
}

/** The statistics of the features. */
export interface LoadedStatistics {
  /** Channels of the features. */
  readonly channels: number;
}

/** The parts of a pipeline as the engine loads and counts them: paths, and what a release says of its weights. */

/** A configuration as users write it, which the engine checks itself. */
export type EngineConfig = object;

/** `config`: what the release says of a transformer. */
export interface LoadDit {
  readonly path: string;
  readonly config?: EngineConfig | undefined;
}

export interface LoadParts {
  readonly textEncoder?: { readonly path: string; readonly attentionSoftCap: boolean } | undefined;
  /** `weak`: a weaker one, to guide away from. */
  readonly dit?: (LoadDit & { readonly weak?: LoadDit | undefined }) | undefined;
  readonly autoencoder?:
    | {
        readonly checkpoint: string;
        readonly encoder?: string | undefined;
        /** Mean and variance of every cell, of a representation autoencoder. */
        readonly statistics?: string | undefined;
        /** Dimensions of the yaml, held against the weights. */
        readonly config?: EngineConfig | undefined;
      }
    | undefined;
  /** `layer` of the encoder; -1 is the last one, whose features are the latents. */
  readonly statistics?: { readonly path: string; readonly layer: number } | undefined;
}

import type { Solver } from '../config/settings.js';

/** What a picture remembers: enough to draw it again with the same weights. `info` and `readParameters()` show it. */
export type ImageMetadata = {
  /** `svg-t2i` and its version. */
  readonly software: string;
  /** Of a class-conditional model: the name of the class, or `class 207`. */
  readonly prompt: string;
  /** Of a class-conditional model: the number of the class. Then there is no text beside its name. */
  readonly class?: number;
  /** What was drawn in place of the prompt, where it was enhanced. */
  readonly enhancedPrompt?: string;
  /** As in the request. */
  readonly negativePrompt?: string;
  /** As in the request. */
  readonly systemPrompt?: string;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** This picture's own, not the run's first. */
  readonly seed: number;
  /** `given` where the caller gave the noise, so that the seed says nothing. */
  readonly noise?: 'given';
  /** As in the request. */
  readonly steps: number;
  /** As in the request. */
  readonly solver: Solver;
  /** Of dpm++ only. */
  readonly order?: number;
  /** Of dpm++ only. */
  readonly method?: string;
  /** Of dpm++ only. */
  readonly skipType?: string;
  /** Of the adaptive solvers only. */
  readonly atol?: number;
  /** Of the adaptive solvers only. */
  readonly rtol?: number;
  /** As in the request, or the default of the solver. */
  readonly shift: number;
  /** As in the request. */
  readonly guidanceScale: number;
  /** As in the request. */
  readonly guidanceMode: string;
  /** As in the request. */
  readonly guidanceUntil: number;
  /** As in the request, where it is not 0. */
  readonly guidanceFrom?: number;
  /** As in the request, where it is not constant. */
  readonly guidanceSchedule?: string;
  /** Of guidance mode `renorm` only. */
  readonly renorm?: number;
  /** As in the request, where it is not 0. */
  readonly stepCache?: number;
  /** As in the request, of a step cache that is not `none`. */
  readonly stepCacheRescale?: string;
  /** Folder and file name of the transformer's weights. */
  readonly dit: string | undefined;
  /** Of the weaker transformer that guidance moved away from. */
  readonly weakDit?: string | undefined;
  /** Folder and file name of the autoencoder's weights. */
  readonly autoencoder: string | undefined;
  /** Name of the text encoder's folder. */
  readonly textEncoder: string | undefined;
  /** Whether the text encoder's attention scores were capped, as `attentionSoftCap` of the options. */
  readonly attentionSoftCap?: boolean;
  /** `fp32`, `bf16` or `int8`; `auto` where weights were int8 by their file alone. */
  readonly dtype: string;
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  /** Velocities with the prompt that the transformer computed. */
  readonly evaluations?: number;
  /** Velocities with the negative prompt that it computed beside them. */
  readonly unconditionalEvaluations?: number;
  /** Velocities of both kinds that the step cache gave, where it gave some. */
  readonly reusedEvaluations?: number;
};

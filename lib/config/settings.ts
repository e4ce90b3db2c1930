/** What a picture can be asked for: settingsSchema in words, for editors. test/unit/types.test.ts holds one against the other. */

/** How the flow is integrated; the last four choose their own steps from `atol` and `rtol`. */
export type Solver =
  | 'dpm++'
  | 'euler'
  | 'midpoint'
  | 'heun'
  | 'heun3'
  | 'rk4'
  | 'dopri5'
  | 'bosh3'
  | 'fehlberg2'
  | 'adaptive_heun';

/** Every setting of a picture but its prompt. Where one is left out, the release's defaults.yaml counts, then what the kind of model is published with, then the default. */
export interface Settings {
  /** What to steer away from. Default: nothing. */
  readonly negativePrompt?: string | undefined;
  /**
   * The text that the prompt is put behind: `align`, `base`, `aesthetics`, `real`, `4grid`, `empty`, a text of your own, or
   * `enhance`, which has the text encoder write a longer prompt first. Default: `base`.
   */
  readonly systemPrompt?: string | undefined;
  /** Pixels, in whole cells of the autoencoder, 512 at most: 16 to 8192 in steps of 16 with the published ones. Default: 1024. */
  readonly width?: number | undefined;
  /** Pixels, in whole cells of the autoencoder, 512 at most: 16 to 8192 in steps of 16 with the published ones. Default: 1024. */
  readonly height?: number | undefined;
  /** Pictures per prompt, 1 to 100,000. Default: 1. */
  readonly count?: number | undefined;
  /** Pictures drawn together, 1 to 256: more takes memory and is faster on a GPU. Default: 1. */
  readonly batchSize?: number | undefined;
  /**
   * Seed of the first picture, a whole number from 0 to 2^53 - 1, or `random`; those of the others are counted from it, as
   * `seedMode` says. The same seed, request and weights draw the same picture. Default: 0.
   */
  readonly seed?: number | 'random' | undefined;
  /**
   * `each`: picture i of the run uses seed + i; `same`: picture j of every prompt uses seed + j, so that prompts share noise.
   * Default: `each`.
   */
  readonly seedMode?: 'each' | 'same' | undefined;
  /** Solver steps, 1 to 1000; the adaptive solvers do not read it. Default: 50. */
  readonly steps?: number | undefined;
  /** How the flow is integrated. Default: `dpm++`. */
  readonly solver?: Solver | undefined;
  /** Order of dpm++, 1 to 3, at most `steps`. Default: 2. */
  readonly order?: number | undefined;
  /** Variant of dpm++. Default: `multistep`. */
  readonly method?: 'multistep' | 'singlestep' | undefined;
  /** Time grid of dpm++. Default: `time_uniform_flow`. */
  readonly skipType?: 'time_uniform_flow' | 'time_uniform' | 'time_quadratic' | 'logSNR' | undefined;
  /** Time shift towards the noisy end, above 0 to 1000. Default: 10 for dpm++, 6 for the others. The class-conditional SVG counts it the other way: 0.15. */
  readonly shift?: number | undefined;
  /** Absolute tolerance of the adaptive solvers, above 0. Default: 1e-6. */
  readonly atol?: number | undefined;
  /** Relative tolerance of the adaptive solvers, above 0. Default: 1e-3. */
  readonly rtol?: number | undefined;
  /** Classifier-free guidance, 0 to 1000; 1 turns it off, which takes half the time. Default: 4. */
  readonly guidanceScale?: number | undefined;
  /** `renorm`: the guided velocity is no longer than the conditional one; `standard`: as it is. Default: `renorm`. */
  readonly guidanceMode?: 'renorm' | 'standard' | undefined;
  /** Guide only while t is below this, 0 (noise) to 1 (the picture). Default: 1. */
  readonly guidanceUntil?: number | undefined;
  /** Guide only from this t on, 0 (noise) to 1 (the picture). Default: 0. */
  readonly guidanceFrom?: number | undefined;
  /**
   * How guidance changes from noise to picture: `constant`; `late`: in the second half of the steps alone; `linear`: rising
   * to the last step; `early-T`: where t is above T; `cfg_star-SKIP-RATIO`: the first SKIP steps take -RATIO of the
   * unconditional velocity. Default: `constant`.
   */
  readonly guidanceSchedule?: string | undefined;
  /** Factor on the limit of guidance mode `renorm`, above 0 to 1000. Default: 1. */
  readonly renorm?: number | undefined;
  /**
   * Where little changes from step to step, add again what the transformer's layers added before, in place of running them:
   * how much change adds up before they run, 0 (every step is computed) to 1000. Of SVG-T2I's transformer, with dpm++
   * (multistep) or euler. Default: 0.
   */
  readonly stepCache?: number | undefined;
  /**
   * How the step cache counts changes: `none`, as they are; `lumina2-v1` and `lumina2-v2`, by the polynomials that were
   * published for Lumina-Image 2.0. Default: `none`.
   */
  readonly stepCacheRescale?: 'none' | 'lumina2-v1' | 'lumina2-v2' | undefined;
}

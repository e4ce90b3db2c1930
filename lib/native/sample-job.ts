/** The job that draws. */
import type { NativeTensor } from './binding.js';

/** How the flow is integrated; adaptive solvers take the tolerances alone, and only dpm++ all of the others. */
export interface SolverRequest {
  readonly name: string;
  readonly steps: number;
  readonly order: number;
  readonly method: string;
  readonly skipType: string;
  readonly shift: number;
  readonly atol: number;
  readonly rtol: number;
  /** Where a fixed grid ends before it is shifted; 1, the picture, where not given. */
  readonly end?: number | undefined;
}

export interface GuidanceRequest {
  readonly scale: number;
  readonly mode: 'renorm' | 'standard';
  /** Guide from this t on; 0 where not given. */
  readonly from?: number | undefined;
  /** Guide while t is below this; 1 is always. */
  readonly until: number;
  readonly renorm: number;
  /** How the scale changes on the way: `constant`, `late`, `linear`, `early-T` or `cfg_star-SKIP-RATIO`. */
  readonly schedule: string;
}

export type SampleJobItem = {
  readonly seed: number;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
} & (
  | {
      /** Which of the tensors tokens.N. */
      readonly prompt: number;
      readonly negative: number;
    }
  | { readonly class: number }
);

export interface SampleJob {
  readonly request: {
    readonly solver: SolverRequest;
    readonly guidance: GuidanceRequest;
    /** None where not given; `threshold` is above 0. */
    readonly stepCache?: { readonly threshold: number; readonly rescale: string } | undefined;
    /** All of them go through the solver together; with an adaptive one each takes its own steps. */
    readonly items: readonly SampleJobItem[];
    readonly previewEvery: number;
    readonly returnLatents: boolean;
    readonly returnDecoded: boolean;
  };
  /** tokens.N (ids without padding) and, in place of the seed's, noise.I (C, h, w). */
  readonly tensors: Readonly<Record<`${'tokens' | 'noise'}.${number}`, NativeTensor>>;
  /** `item` counts within the job; with a preview comes the tensor `image`. */
  readonly event:
    | { readonly type: 'encode' | 'decode'; readonly item: number }
    | {
        readonly type: 'step';
        /** The first of those that took it together. */
        readonly item: number;
        readonly step: number;
        readonly steps: number;
        readonly t: number;
      }
    | { readonly type: 'preview'; readonly item: number; readonly step: number };
  readonly value: {
    /**
     * Seconds; `model` are those of `sample` in the model. Jobs that are drawn together each count the evaluations that they
     * share.
     */
    readonly timings: {
      readonly encode: number;
      readonly sample: number;
      readonly model: number;
      readonly decode: number;
    };
    /** Of each item: velocities that the model computed, and those of both kinds that its step cache gave beside. */
    readonly evaluations: readonly {
      readonly conditional: number;
      readonly unconditional: number;
      readonly reused: number;
    }[];
  };
  /** image.I uint8 (H, W, 3); where asked for, latent.I (C, h, w) and decoded.I (3, H, W), float32. */
  readonly results: Readonly<Record<`${'image' | 'latent' | 'decoded'}.${number}`, NativeTensor>>;
}

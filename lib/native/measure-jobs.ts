/** The jobs that measure pictures: features and statistics of whole sets, distances of pairs. */
import type { NativeTensor, Numbered } from './binding.js';

/** Distances of a picture to another one of its size. */
export type PairMetric = 'psnr' | 'ssim' | 'ssim-reflect' | 'ms-ssim' | 'ms-ssim-reflect' | 'lpips';

/** Numbers of one set, or of one against another. */
export type SetMetric = 'fid' | 'sfid' | 'kid' | 'is' | 'pr';

export interface MeasureOpenRequest {
  /** FID's Inception: a published file, named by the user. */
  readonly inception?: { readonly path: string } | undefined;
  /** VGG-16 and the linear layers, often one and the same file. */
  readonly lpips?: { readonly net: string; readonly lin: string } | undefined;
  /** Metrics that will be asked for: they say what is kept of each set. */
  readonly metrics: readonly SetMetric[];
  /** Rows of features above so many bytes, all sets together, go to a file in `folder`. */
  readonly spill: { readonly bytes: number; readonly folder: string };
}

export interface MeasureOpenValue {
  /** `batch`: pictures that the network takes at once; fewer in a call take as long. */
  readonly inception?:
    | { readonly path: string; readonly format: string; readonly batch?: number | undefined }
    | undefined;
  /** On the files, for people. */
  readonly remarks?: readonly string[] | undefined;
}

/** Of a set, in fp64: mu (d), sigma (d, d); mu_s and sigma_s of the spatial features where they are kept. */
export type StatisticsTensors = {
  readonly mu: NativeTensor;
  readonly sigma: NativeTensor;
  readonly mu_s?: NativeTensor;
  readonly sigma_s?: NativeTensor;
};

export interface MeasureResultRequest {
  /** The set that is judged, and the reference; `is` needs no reference. */
  readonly set: string;
  readonly reference?: string | undefined;
  readonly metrics: readonly SetMetric[];
  readonly kid: {
    readonly subsets: number;
    readonly subsetSize: number;
    readonly seed: number;
    readonly degree: number;
    /** Null: 1 / d. */
    readonly gamma: number | null;
    readonly coef0: number;
  };
  /** torch-fidelity: shuffled, so many splits; adm: no bias, no shuffle, parts of `partSize` rows. */
  readonly inceptionScore:
    | { readonly protocol: 'torch-fidelity'; readonly splits: number; readonly seed: number }
    | { readonly protocol: 'adm'; readonly partSize: number };
  readonly neighbours: number;
}

/** What was asked for, by name. */
export interface MeasureResultValue {
  readonly fid?: number;
  readonly sfid?: number;
  readonly kid?: { readonly mean: number; readonly std: number };
  readonly is?: { readonly mean: number; readonly std: number };
  readonly pr?: { readonly precision: number; readonly recall: number; readonly fScore: number };
}

/** The jobs by name; jobs.ts lists them among all. */
export interface MeasureJobs {
  /** Begins anew: loads the networks, forgets all sets. */
  readonly 'measure-open': { readonly request: MeasureOpenRequest; readonly value: MeasureOpenValue };
  /** Adds pictures, uint8 (H, W, 3) of any sizes, to a set. */
  readonly 'measure-add': {
    readonly request: { readonly set: string };
    readonly tensors: Numbered<'image'>;
    readonly value: { readonly count: number };
  };
  /** A set of which only statistics are known. `count` 0: not known. */
  readonly 'measure-reference': {
    readonly request: { readonly set: string; readonly count: number };
    readonly tensors: StatisticsTensors;
  };
  readonly 'measure-statistics': {
    readonly request: { readonly set: string };
    readonly value: { readonly count: number };
    readonly results: StatisticsTensors;
  };
  readonly 'measure-result': { readonly request: MeasureResultRequest; readonly value: MeasureResultValue };
  /** a.N and b.N uint8 (H, W, 3), each pair of one size -> a float64 (N) tensor for each metric, by its name. */
  readonly 'measure-pairs': {
    readonly request: { readonly metrics: readonly PairMetric[] };
    readonly tensors: Numbered<'a'> & Numbered<'b'>;
    readonly results: Readonly<Partial<Record<PairMetric, NativeTensor>>>;
  };
  /** Frees the networks and all that was kept. */
  readonly 'measure-close': object;
}

/** The jobs that open a training run and take its steps. */
import type { COMPUTE_DTYPES, LOSSES } from '../facts.js';

/** A run of either stage. */
interface CommonOpenRequest {
  /** File of weights to begin with. */
  readonly start?: { readonly path: string } | undefined;
  readonly optimizer: {
    readonly lr: number;
    readonly betas: readonly number[];
    readonly eps: number;
    readonly weightDecay: number;
    /** Largest norm of all gradients; 0 is none. */
    readonly gradClip: number;
  };
  readonly ema: { readonly decay: number; readonly warmup: boolean };
  readonly precision: (typeof COMPUTE_DTYPES)[number];
  readonly seed: number;
  /** How they are computed, of those that the stage has in the catalogue; plain: the other side of a benchmark. */
  readonly losses: (typeof LOSSES)['dit' | 'autoencoder'][number];
  /** Of a run of several processes. */
  readonly parallel?: { readonly mode: 'ddp' | 'sdp'; readonly bucketBytes: number } | undefined;
}

export interface DitOpenRequest extends CommonOpenRequest {
  readonly stage: 'dit';
  readonly model: object;
  readonly activationCheckpointing: {
    readonly mode: 'off' | 'on' | 'auto';
    /** The largest micro-batch: pictures, cells of one, tokens of its caption. */
    readonly pictures: number;
    readonly rows: number;
    readonly columns: number;
    readonly tokens: number;
    /** That activations may take; what is free where not given. */
    readonly limitBytes?: number | undefined;
  };
  /** Shards of a feature cache. */
  readonly cache?: readonly string[] | undefined;
}

export interface AutoencoderOpenRequest extends CommonOpenRequest {
  readonly stage: 'autoencoder';
  readonly model: { readonly encoder: object; readonly decoder: object; readonly residual?: object };
  /** Weights of their own. */
  readonly encoder?: { readonly path: string } | undefined;
  readonly trainEncoder: boolean;
  readonly freezeResidual: boolean;
  readonly maskRatio: number;
  readonly latentNoise: number;
  readonly lpips?: { readonly path: string } | undefined;
  readonly loss: {
    readonly pixel: (typeof LOSSES.pixel)[number];
    readonly perceptualWeight: number;
    readonly discWeight: number;
    readonly discFactor: number;
    readonly discStart: number;
    readonly discLoss: (typeof LOSSES.discLoss)[number];
    readonly logvar: number;
  };
}

export type TrainOpenRequest = DitOpenRequest | AutoencoderOpenRequest;

/** The engine's answer to `train-open`. */
export interface TrainReport {
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Of `start`: parameters that it lacks, that are not the model's, and that have another size. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly mismatched: readonly {
    readonly name: string;
    readonly found: readonly number[];
    readonly wanted: readonly number[];
  }[];
  /** On the files that were read. */
  readonly remarks: readonly string[];
  /** Of the blocks whose activations are computed twice; bytes as counted. Null where there is no choice. */
  readonly activations: {
    readonly recomputed: number;
    readonly blocks: number;
    readonly bytes: number;
    /** 0 where nobody asked how much there is. */
    readonly budget: number;
  } | null;
}

/** A row of a feature cache. */
interface CachePlace {
  readonly shard: number;
  readonly row: number;
}

/** Name of a tensor of token ids, or the number of a class. */
type Condition = { readonly tokens: string } | { readonly class: number };

/** `image` and `tokens` are names of the job's tensors; `draw` numbers the sample, for its chance. */
export type DitStepItem = { readonly draw: number } & (CachePlace | ({ readonly image: string } & Condition));

export interface DitStepRequest {
  readonly lr: number;
  /** Samples of the step, over all processes. */
  readonly globalBatch: number;
  /** Share of the conditions that `drop` takes the place of. */
  readonly captionDropout: number;
  readonly drop: CachePlace | Condition;
  readonly time: {
    readonly kind: 'lognormal' | 'uniform';
    readonly mean: number;
    readonly low: number;
    readonly high: number;
    /** Latent positions that the shift follows; 0 is none. */
    readonly shiftTokens: number;
    /** Towards noise where it is above 1; 1 is none. */
    readonly shift: number;
  };
  /** This process's samples, in micro-batches. */
  readonly micro: readonly (readonly DitStepItem[])[];
}

export interface AutoencoderStepRequest {
  readonly lr: number;
  readonly globalBatch: number;
  readonly microBatch: number;
  /** Number of each sample, for its chance. */
  readonly draws: readonly number[];
  /** Names of the job's tensors, uint8 (H, W, 3). */
  readonly images: readonly string[];
}

export type TrainStepRequest = DitStepRequest | AutoencoderStepRequest;

/** Of a step, in the engine's answer to `train-report`; JSON has null for what is no finite number. */
export interface TrainStepValue {
  /** By name, of the whole batch; the first is what training lowers. */
  readonly losses: Readonly<Record<string, number | null>>;
  /** Before clipping. */
  readonly gradNorm: number | null;
  /** False where a number was not finite and so nothing was changed. */
  readonly applied: boolean;
  /** Of the DiT: [t, loss] of this process's samples. */
  readonly samples?: readonly (readonly [number, number])[];
  readonly milliseconds: Readonly<Record<string, number>>;
}

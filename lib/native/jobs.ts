/**
 * Every job of the engine: what goes in, what it tells while it runs, what comes out. Its counterpart, native/engine/jobs/,
 * reads requests as strictly: a key that it does not know is an error.
 */
import type { STORED_DTYPES } from '../facts.js';
import type { NativeTensor, NativeTensors, Numbered } from './binding.js';
import type { CountJob, MemoryReport, ProbeJob } from './estimate-jobs.js';
import type { CountLaunchesJob } from './launch-jobs.js';
import type { EngineConfig, LoadParts } from './load-parts.js';
import type { LoadedModels } from './loaded-models.js';
import type { MeasureJobs } from './measure-jobs.js';
import type { SampleJob } from './sample-job.js';
import type { TrainOpenRequest, TrainReport, TrainStepRequest, TrainStepValue } from './training-jobs.js';
import type {
  ConversionReport,
  FileProgress,
  VerificationReport,
  WeightFileReport,
} from './weight-reports.js';

export type { EngineConfig, LoadParts } from './load-parts.js';

type None = Readonly<Record<never, never>>;

/** What a job has where nothing else is said. */
interface Job {
  readonly request: None;
  /** That go with the request. */
  readonly tensors: NativeTensors;
  readonly event: never;
  readonly value: None;
  /** That come with the value. */
  readonly results: NativeTensors;
}

type JobOf<Parts extends Partial<Job> | { readonly event: unknown }> = Omit<Job, keyof Parts> & Parts;

/** Which of a run's weights: as trained, or averaged. */
export type TrainedWeights = 'raw' | 'ema';

export type StoredDtype = (typeof STORED_DTYPES)[number];

/** Of measure-jobs.ts. */
type MeasureJobEntries = { readonly [Kind in keyof MeasureJobs]: JobOf<MeasureJobs[Kind]> };

export interface Jobs extends MeasureJobEntries {
  /** Rows of a benchmark whose names hold `only`. */
  readonly bench: JobOf<{
    request: {
      readonly part: 'dit' | 'encoder' | 'decoder' | 'inception' | 'sample' | 'step' | 'text-encoder';
      readonly only: string;
      /** Timed runs. */
      readonly repeats: number;
    };
    value: { readonly rows: readonly NativeBenchRow[] };
  }>;
  /** One shard of a feature cache; without images it holds conditions alone. */
  readonly 'cache-write': JobOf<{
    request: {
      readonly path: string;
      readonly dtype: StoredDtype;
      /** Of items with classes: how many there are. */
      readonly classes?: number | undefined;
      /** `image` and `tokens` name the job's tensors: uint8 (H, W, 3), and token ids. */
      readonly items: readonly ({ readonly image?: string } & (
        | { readonly tokens: string }
        | { readonly class: number }
      ))[];
    };
    value: { readonly samples: number };
  }>;
  /** Runs the fused operations of drawing, in fp32 and bf16; on a GPU wrong ones are told of by a warning of the process. */
  readonly 'check-kernels': JobOf<{ value: { readonly operations: number } }>;
  /** What the engine has: the source of lib/facts.ts (scripts/write-facts.mjs). */
  readonly catalogue: JobOf<{ value: Catalogue }>;
  readonly convert: JobOf<{
    request: {
      readonly input: string;
      readonly output: string;
      readonly dtype: 'keep' | StoredDtype;
      readonly quantize: 'none' | 'int8';
      readonly maxShardBytes: number;
      readonly resume: boolean;
      readonly overwrite: boolean;
    };
    event: FileProgress;
    value: ConversionReport;
  }>;
  /** What a pipeline takes in memory and does for a picture, from the headers of its files. */
  readonly count: JobOf<CountJob>;
  /** What a step of the 2B has a GPU do, ours and plain, without a GPU and without weights. */
  readonly 'count-launches': JobOf<CountLaunchesJob>;
  /** latent.N float32 (C, h, w) or (1, C, h, w) to image.N uint8 (H, W, 3). */
  readonly decode: JobOf<{ tensors: Numbered<'latent'>; results: Numbered<'image'> }>;
  /** Fails in all processes, naming those whose text is not the first one's. */
  readonly 'dist-agree': JobOf<{ request: { readonly name: string; readonly text: string } }>;
  /** Waits for all; patiently, as long as they live. */
  readonly 'dist-barrier': JobOf<{ request: { readonly patient: boolean } }>;
  readonly 'dist-close': Job;
  /** The texts of all processes, by rank. */
  readonly 'dist-gather': JobOf<{
    request: { readonly name: string; readonly text: string };
    value: { readonly texts: readonly string[] };
  }>;
  /** Meets the other processes of a run. */
  readonly 'dist-open': JobOf<{
    request: {
      readonly rank: number;
      readonly worldSize: number;
      readonly masterAddr: string;
      readonly masterPort: number;
      readonly launcherPrefix?: string | undefined;
      readonly timeoutSeconds: number;
      readonly backend: 'auto' | 'nccl' | 'gloo';
    };
    value: { readonly backend: string };
  }>;
  /** Value by value, over all processes. */
  readonly 'dist-reduce': JobOf<{
    request: { readonly op: 'max' | 'sum'; readonly values: readonly number[] };
    value: { readonly values: readonly number[] };
  }>;
  /** image.N uint8 (H, W, 3) to latent.N float32 (C, h, w), not normalised. */
  readonly encode: JobOf<{ tensors: Numbered<'image'>; results: Numbered<'latent'> }>;
  /** Whether `load` would take the encoder inside the checkpoint, which is another than that of the file. */
  readonly 'encoder-source': JobOf<{
    request: { readonly checkpoint: string; readonly encoder: string };
    value: { readonly ownEncoder: boolean };
  }>;
  /** Goes on from `tokens` (ids), greedily; tells of every token. */
  readonly 'generate-text': JobOf<{
    request: { readonly maxNewTokens: number };
    tensors: { readonly tokens: NativeTensor };
    event: { readonly type: 'token'; readonly produced: number };
    value: { readonly ids: readonly number[] };
  }>;
  /** Runs a golden case. */
  readonly golden: JobOf<{
    request: { readonly folder: string };
    value: {
      readonly name: string;
      readonly module: string;
      readonly status: 'passed' | 'failed' | 'not-run';
      /** Null where it is no number. */
      readonly maxError: number | null;
      readonly tolerance: unknown;
      readonly message?: string;
    };
  }>;
  /** Fresh weights under published names; the ending of `path` chooses the format. */
  readonly 'init-weights': JobOf<{
    request: {
      readonly model: string;
      readonly config: EngineConfig;
      readonly path: string;
      readonly seed: number;
      /** As training starts, or random everywhere. */
      readonly values: 'initial' | 'random';
      /** Key that wraps the state dict in a torch file. */
      readonly nesting?: string | undefined;
    };
    value: { readonly parameters: number };
  }>;
  readonly inspect: JobOf<{ request: { readonly path: string }; value: WeightFileReport }>;
  /** Parts that are not named stay as they are. */
  readonly load: JobOf<{
    request: LoadRequest;
    event: { readonly type: 'load'; readonly part: keyof LoadParts };
    /** `remarks` are on the files, for people. */
    value: LoadedModels & { readonly remarks: readonly string[] };
  }>;
  readonly memory: JobOf<{ request: { readonly resetPeak: boolean }; value: MemoryReport }>;
  /** How long this machine takes for what `count` counts. */
  readonly probe: JobOf<ProbeJob>;
  /** Of engines that were opened for tests. */
  readonly 'read-tensors': JobOf<{
    request: { readonly path: string; readonly names?: readonly string[] | undefined };
  }>;
  readonly sample: JobOf<SampleJob>;
  /** Of engines that were opened for tests: tells that it began, and waits. */
  readonly sleep: JobOf<{
    request: { readonly milliseconds: number };
    event: { readonly type: 'sleep' };
  }>;
  /** Adds pictures, uint8 (H, W, 3), to the statistics of the features. */
  readonly 'statistics-add': JobOf<{
    request: { readonly images: readonly string[] };
    value: { readonly images: number };
  }>;
  /** Writes them as torch.save does, and begins anew. */
  readonly 'statistics-save': JobOf<{
    request: { readonly path: string };
    value: { readonly images: number; readonly channels: number };
  }>;
  readonly 'train-close': Job;
  /** Weights under published names; all processes call it, the first one writes. */
  readonly 'train-export': JobOf<{
    request: {
      readonly path: string;
      readonly weights: TrainedWeights;
      readonly dtype: StoredDtype;
      readonly nesting?: string | undefined;
    };
    value: { readonly parameters: number };
  }>;
  readonly 'train-open': JobOf<{ request: TrainOpenRequest; value: TrainReport }>;
  /** `sample`, `encode` and `decode` use the weights in training from here on. */
  readonly 'train-publish': JobOf<{
    request: { readonly weights: TrainedWeights; readonly dtype: string };
  }>;
  /** Reads what `train-save` wrote, whatever the number of processes was. */
  readonly 'train-restore': JobOf<{
    request: { readonly folder: string; readonly files: readonly string[] };
  }>;
  /** This process's part of a checkpoint: names of files, perhaps none. */
  readonly 'train-save': JobOf<{
    request: { readonly folder: string };
    value: { readonly files: readonly string[] };
  }>;
  /** One optimiser step; one that fails has changed nothing. */
  readonly 'train-report': JobOf<{ value: { readonly steps: readonly TrainStepValue[] } }>;
  readonly 'train-step': JobOf<{ request: TrainStepRequest }>;
  readonly verify: JobOf<{
    request: { readonly path: string; readonly sha256?: string | undefined };
    event: FileProgress;
    value: VerificationReport;
  }>;
}

export type JobKind = keyof Jobs;
export type JobRequest<Kind extends JobKind> = Jobs[Kind]['request'];
export type JobValue<Kind extends JobKind> = Jobs[Kind]['value'];
export type JobEvent<Kind extends JobKind> = Jobs[Kind]['event'];

/** A kind of model part. */
export interface CatalogueKind {
  readonly name: string;
  readonly title: string;
  /** Pattern of the names of its published files. */
  readonly files: string;
  /** Key of its part in a published yaml. */
  readonly yamlKey: string;
  /** Channels of each published size. */
  readonly presets: Readonly<Record<string, number>>;
}

export interface Catalogue {
  readonly encoders: readonly CatalogueKind[];
  /** Presets are their names in a yaml. */
  readonly residuals: readonly (CatalogueKind & {
    /** Dimensions where a configuration gives none. */
    readonly usual: EngineConfig;
  })[];
  readonly decoders: readonly (CatalogueKind & {
    readonly usual: EngineConfig;
    /** Pixels a side of a latent's cell, of those. */
    readonly cellPixels: number;
  })[];
  readonly velocityModels: readonly (Omit<CatalogueKind, 'presets'> & {
    readonly condition: 'text' | 'class';
    readonly canTrain: boolean;
    /** Dimensions of each published size. */
    readonly presets: Readonly<Record<string, EngineConfig>>;
  })[];
  readonly conditioners: readonly Omit<CatalogueKind, 'presets'>[];
  readonly solvers: readonly {
    readonly name: string;
    readonly title: string;
    readonly family: string;
    /** Settings that it reads. */
    readonly fields: readonly string[];
    /** Of time, where nobody says otherwise. */
    readonly shift: number;
    readonly leastSteps: number;
    /** Evaluations of a step; 0 where an error estimate chooses them. */
    readonly stages: number;
  }[];
  readonly losses: {
    readonly pixel: readonly string[];
    readonly discLoss: readonly string[];
    readonly dit: readonly { readonly name: string; readonly title: string }[];
    readonly autoencoder: readonly { readonly name: string; readonly title: string }[];
  };
  /** Of files. */
  readonly dtypes: readonly string[];
  /** Of models. */
  readonly computeDtypes: readonly string[];
  /** Of pictures. */
  readonly precisions: readonly string[];
  /** Cells of a side, at most. */
  readonly maxSideCells: number;
  readonly jobs: readonly string[];
  readonly errorCodes: readonly string[];
}

export interface LoadRequest extends LoadParts {
  readonly dtype: 'auto' | StoredDtype | 'int8';
  /** Keep the text encoder on the CPU. */
  readonly offload: boolean;
}

/** Medians of alternating runs. */
export interface NativeBenchRow {
  /** Part, side in pixels, caption tokens where they matter, dtype: "dit-256-128-fp32". */
  readonly name: string;
  readonly ours: number;
  readonly plain: number;
  /** Of rates, more is better. */
  readonly unit: 's' | 'images/s';
  /** plain / ours; of rates ours / plain: above 1 where ours is faster. */
  readonly ratio: number;
  /** Bytes by which the process, or what tensors hold on a GPU, grew at most. */
  readonly oursPeakRss?: number;
  readonly plainPeakRss?: number;
  /** Of 8-bit rows: bytes that the weights of both sides hold. */
  readonly oursWeights?: number;
  readonly plainWeights?: number;
  /** |ours - plain| / |plain| of the results. */
  readonly difference?: number;
  /** Multiplications and additions of ours, where they are known: of a step, or of an image. */
  readonly flops?: number;
  /** That the device does a second in one large product of the same type, measured beside the row. */
  readonly matrixFlops?: number;
}

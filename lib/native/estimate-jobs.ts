/** The jobs of `svg-t2i estimate`: counting what a pipeline takes and does, and trying how fast a machine does it. */
import type { PRECISIONS } from '../facts.js';
import type { LoadParts } from './load-parts.js';
import type { GuidanceRequest, SolverRequest } from './sample-job.js';

export type Precision = (typeof PRECISIONS)[number];
/** In `auto` each part goes as its file says, and as the device has it. */
export type CountedDtype = Precision | 'auto';

/** Published dimensions in place of files. */
export interface PresetPart {
  readonly preset: { readonly kind: string; readonly config: object };
}

/** As `load` takes them, or presets. */
export interface CountedParts {
  readonly dit: NonNullable<LoadParts['dit']> | PresetPart;
  readonly autoencoder: NonNullable<LoadParts['autoencoder']> | PresetPart;
  readonly textEncoder?: NonNullable<LoadParts['textEncoder']> | PresetPart | undefined;
}

/** Pictures that are drawn together, all alike. */
export interface CountedLoad {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly pictures: number;
  /** Of the prompt and of the one that guidance moves away from; 0 for classes. */
  readonly tokens: number;
  readonly unconditionalTokens: number;
}

/** What is done one after the other: `guided` and `single` are a velocity with and without the unconditional one. */
export type Stage = 'encode' | 'guided' | 'single' | 'decode';

export interface CountedStage {
  /** Multiplications and additions. */
  readonly flops: number;
  /** Activations at once. */
  readonly peakBytes: number;
}

export type CountedStages = Readonly<Record<Stage, CountedStage>>;

export interface CountedPart {
  /** Of the engine's catalogue. */
  readonly kind: string;
  /** For people: "NextDiT 2B". */
  readonly description: string;
  readonly parameters: number;
  /** Of its weights in memory. */
  readonly bytes: Readonly<Partial<Record<CountedDtype, number>>>;
}

export interface CountJob {
  readonly request: CountedParts & {
    readonly dtypes: readonly CountedDtype[];
    readonly loads: readonly CountedLoad[];
    readonly solver: SolverRequest;
    readonly guidance: GuidanceRequest;
    /** Whether pictures have a step cache. */
    readonly stepCache: boolean;
  };
  readonly value: {
    readonly parts: {
      readonly dit: CountedPart;
      readonly weakDit?: CountedPart;
      readonly autoencoder: CountedPart;
      readonly textEncoder?: CountedPart;
    };
    /** Whether the diffusion transformer's file is one of 8-bit weights. */
    readonly storedInt8: boolean;
    readonly condition: 'text' | 'class';
    readonly cellPixels: number;
    /** Cells of a token's side. */
    readonly patchSize: number;
    /** Rows and columns. */
    readonly maxCells: readonly [number, number];
    readonly usualCells?: readonly [number, number];
    readonly maxTokens?: number;
    /** Velocities of a picture; null of an adaptive solver, which chooses them on the way. */
    readonly evaluations: { readonly guided: number; readonly single: number } | null;
    /** Of each load, by dtype; `decode` is of one picture. */
    readonly loads: readonly Readonly<Partial<Record<CountedDtype, CountedStages>>>[];
  };
}

export interface ProbeJob {
  readonly request: CountedParts & {
    readonly dtype: CountedDtype;
    readonly load: CountedLoad;
    /** To try for. */
    readonly seconds: number;
  };
  /** Seconds of each stage; rates of the machine; what the trying took. */
  readonly value: Readonly<Record<Stage, number>> & {
    readonly flopRate: number;
    readonly byteRate: number;
    readonly callSeconds: number;
    readonly tried: number;
  };
}

/** Of the process, in bytes; of a GPU what its driver tells. */
export interface MemoryReport {
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
  /** That the process may still take: of the machine, its container and its own limit the least. */
  readonly availableBytes: number;
  readonly deviceFreeBytes?: number;
  readonly deviceTotalBytes?: number;
}

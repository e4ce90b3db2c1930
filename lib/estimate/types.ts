/** What an estimate says. */
import type { Precision } from '../native/estimate-jobs.js';

/** Memory of one dtype, in bytes. */
export interface MemoryEstimate {
  /** Weights of each part that is loaded. */
  readonly weights: Readonly<Record<string, number>>;
  /** Activations at most. */
  readonly activations: number;
  /** What is done when they are most: `prompts`, `step` or `decode`. */
  readonly peakAt: 'prompts' | 'step' | 'decode';
  /** Of Node.js and libtorch themselves: measured on a CPU, counted on a GPU. */
  readonly runtime: number;
  readonly total: number;
  /** On the CPU, of parts that are kept out of the GPU; 0 without `offload`. */
  readonly offloaded: number;
}

/** Seconds. */
export interface TimeEstimate {
  /** Both prompts. */
  readonly prompts: number;
  /** One velocity of the batch, with guidance where there is some. */
  readonly step: number;
  /** One picture's latent to pixels. */
  readonly decode: number;
  /** One picture: its share of the batch, without its prompts; undefined of an adaptive solver. */
  readonly picture?: number;
  /** All that is asked for; undefined of an adaptive solver. */
  readonly run?: number;
}

/** Another way to draw, and what it brings. */
export interface Alternative {
  readonly dtype: Precision;
  /** What the asked pictures would take. */
  readonly total: number;
  /** Whether that fits; undefined where nobody knows what is free. */
  readonly fits?: boolean;
  /** The largest picture of the asked shape that fits alone; undefined where none does, or nobody knows. */
  readonly largest?: { readonly width: number; readonly height: number };
  /** Pictures of the asked size that fit at once; 0 where not one does. */
  readonly batch?: number;
  /** Seconds of a step; undefined where it was not measured. */
  readonly step?: number;
}

export interface Estimate {
  /** Descriptions of the parts, for people. */
  readonly parts: Readonly<Record<string, { readonly description: string; readonly parameters: number }>>;
  /** `cpu`, `cuda`, `cuda:N`. */
  readonly device: string;
  readonly dtype: Precision;
  readonly width: number;
  readonly height: number;
  /** In all. */
  readonly pictures: number;
  readonly batchSize: number;
  readonly solver: string;
  /** Velocities a picture, with and without guidance; undefined of an adaptive solver. */
  readonly evaluations?: { readonly guided: number; readonly single: number };
  /** Multiplications and additions: both prompts, one velocity of the batch, one decoding. */
  readonly flops: { readonly prompts: number; readonly step: number; readonly decode: number };
  readonly memory: MemoryEstimate;
  /** Bytes that are free on the device; undefined where it is not in this machine. */
  readonly free?: number;
  readonly fits?: boolean;
  /** Undefined where nothing was measured: the device is not here, or nobody asked. */
  readonly time?: TimeEstimate;
  /** What was measured: multiplications and additions, and bytes, a second; for how many seconds. */
  readonly machine?: { readonly flopRate: number; readonly byteRate: number; readonly tried: number };
  /** Each precision that the device computes in: the asked one, then those that suit it. */
  readonly alternatives: readonly Alternative[];
}

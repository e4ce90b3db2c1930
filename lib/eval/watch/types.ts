/** What `evaluate({ kind: 'watch' })` takes and gives. */
import type { WatchMetric } from '../../config/eval/watch.js';
import type { NetworkFields } from '../measure-types.js';

/** What `evaluate({ kind: 'watch' })` takes. */
export interface WatchRequest extends NetworkFields {
  /** Folder of the run, which may be one that is yet to begin. */
  readonly run: string;
  /**
   * Of an autoencoder psnr, ssim, ms-ssim, lpips, fid; of a transformer shapes, previous, is, kid, fid. Default: all that can
   * be had of what is given, but ms-ssim.
   */
  readonly metrics?: readonly WatchMetric[] | undefined;
  /**
   * Pictures that were kept out of training, a folder or a list: what an autoencoder rebuilds, and what fid and kid of a
   * transformer compare with. Default: of an autoencoder the run's own, of a transformer none.
   */
  readonly data?: string | undefined;
  /** File of prompts that a transformer draws, .txt, .json or .jsonl. Default: those of the run's samples. */
  readonly prompts?: string | undefined;
  /** Pictures of each checkpoint, 1 to 2000; of prompts at most as many as there are. Default: 32. */
  readonly count?: number | undefined;
  /** Which pictures of the data, and the noise of what is drawn, 0 to 2^47. Default: 0. */
  readonly seed?: number | undefined;
  /** End when all checkpoints that are there are measured. Default: false, go on until the run's last step is. */
  readonly once?: boolean | undefined;
  /** Seconds from one look at the folder to the next, 0.05 to 86,400. Default: 30. */
  readonly interval?: number | undefined;
  /** `cpu`, `cuda`, `cuda:N` or `auto`. Default: that of the run. */
  readonly device?: string | undefined;
  /** CPU threads of one operation. Default: those of the run. */
  readonly threads?: number | undefined;
  /** By how much the threads that compute give way to others, as `nice` counts it, 0 to 19. Default: 10. */
  readonly niceness?: number | undefined;
}

/** How a watch ended. */
export interface WatchResult {
  /** As in the request. */
  readonly kind: 'watch';
  /** What this call has measured, in its order. */
  readonly evaluations: readonly CheckpointEvaluation[];
  /** Path of report.html, of all that was ever measured on the same pictures or prompts; absent where nothing was. */
  readonly report?: string | undefined;
  /** `once`: all that was there is measured; `run-ended`: the checkpoint of the run's last step is. */
  readonly ended: 'once' | 'run-ended';
}

/** One checkpoint measured on one set: a line of the run's eval.jsonl. */
export interface CheckpointEvaluation {
  /** Optimiser steps done. */
  readonly step: number;
  /** Digest that tells the checkpoint from any other one of the same step. */
  readonly checkpoint: string;
  /** Digest of the pictures, or prompts and seed: numbers with different ones cannot be compared. */
  readonly set: string;
  /** `time` of the last metrics that the run reported up to the step; null where there were none. */
  readonly trained: string | null;
  /** By name; null for what is no number. In JSON what is infinite is the text "inf". */
  readonly values: Readonly<Record<string, number | null>>;
  /** Path of the grid of pictures, relative to the run's folder. */
  readonly grid?: string | undefined;
  /** That the evaluation took. */
  readonly seconds: number;
  /** ISO 8601. */
  readonly time: string;
}

/** What `eval watch` tells beside what every evaluation tells. */
export type WatchEvent = CheckpointEvaluatedEvent | CheckpointSkippedEvent | WaitingEvent;

/** A checkpoint is measured, and its line is written. */
export interface CheckpointEvaluatedEvent extends CheckpointEvaluation {
  readonly type: 'evaluation';
}

/** A checkpoint is not measured: it was removed meanwhile, or is damaged. */
export interface CheckpointSkippedEvent {
  readonly type: 'skipped';
  /** Optimiser steps of the checkpoint. */
  readonly step: number;
  /** Why. */
  readonly message: string;
}

/** There is nothing to measure now; told once each time that this begins. */
export interface WaitingEvent {
  readonly type: 'waiting';
  /** For what: "the next checkpoint of runs/dit". */
  readonly for: string;
}

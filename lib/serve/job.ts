/** One request that is drawn: what is known of it, and what it tells. It knows nothing of HTTP. */
import type { DrawRequest } from '../config/draw-request.js';
import type { OutputFormat } from '../image/encode.js';
import type { ApiError } from './errors.js';

export const JOB_STATUSES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** A picture that is done. */
export interface JobPicture {
  /** From 0. */
  readonly index: number;
  readonly seed: number;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly format: OutputFormat;
  /** Of the file, with the picture's parameters in it. */
  readonly bytes: Uint8Array;
}

/** Where the time of a job went, in seconds. */
export interface JobSeconds {
  /** Until its first picture began. */
  readonly queued: number;
  /** From then to the end. */
  readonly drawing: number;
  /** In the text encoder, summed over its pictures. */
  readonly encode: number;
  /** In the solver, summed over its pictures. */
  readonly sample: number;
  /** In the decoder, summed over its pictures. */
  readonly decode: number;
}

/** What a job tells. */
export type JobNews =
  /** Its place in line, from 1; again when that changes. */
  | { readonly type: 'queued'; readonly place: number }
  /** It runs: the prompt is being read. */
  | { readonly type: 'encode' }
  /** Steps of all its pictures together; `steps` is 0 and `eta_seconds` null where a solver chooses them on the way. */
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      readonly eta_seconds: number | null;
    }
  /** A small picture on its way, 256 pixels wide or high at most. */
  | {
      readonly type: 'preview';
      readonly index: number;
      /** After how many steps of that picture. */
      readonly step: number;
      readonly format: 'jpeg' | 'webp';
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'image'; readonly picture: JobPicture }
  | { readonly type: 'warning'; readonly message: string }
  | JobEnd;

/** The last thing that a job tells. */
export type JobEnd =
  | { readonly type: 'done'; readonly seconds: JobSeconds }
  | { readonly type: 'failed'; readonly error: ApiError }
  | { readonly type: 'cancelled' };

/** News with their number in the job, from 1. */
export type JobEvent = JobNews & { readonly id: number };

export interface Job {
  readonly id: string;
  readonly status: JobStatus;
  readonly createdAt: Date;
  /** Name of the model that draws it. */
  readonly model: string;
  readonly request: DrawRequest;
  /** Of its pictures, in pixels. */
  readonly width: number;
  /** Of its pictures, in pixels. */
  readonly height: number;
  /** Who asked: the queue takes turns between clients. */
  readonly client: string;
  /** In line, from 1; undefined where it does not wait. */
  readonly place: number | undefined;
  /** As the last `step` event. */
  readonly progress: { readonly step: number; readonly steps: number; readonly etaSeconds: number | null };
  /** Those that are done, in the order of their indices. */
  readonly pictures: readonly JobPicture[];
  /** Why it failed. */
  readonly error: ApiError | undefined;
  /**
   * What it told after event `after` and tells from now on, up to its end. Of old events only the last of each kind of
   * progress is kept, so whoever reads slowly skips steps and holds up nothing. Ends when `signal` is aborted.
   */
  events(after?: number, signal?: AbortSignal): AsyncIterable<JobEvent>;
  /** Ends it: pictures that are drawn leave at their next step, those that wait at once. */
  cancel(): void;
  /** Resolves at its end, whichever it is. */
  readonly finished: Promise<void>;
}

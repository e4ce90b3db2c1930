/** What the page and the server say to each other, as far as the page reads it; docs/serve.md has all of it. */

/** A value of a JSON body. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What is asked of the server: the body of `POST v1/jobs`, in its own names. */
export type DrawBody = { readonly [key: string]: Json };

/** Of a model that is being loaded, or could not be, only its name is known. */
export interface UnreadyModel {
  readonly id: string;
  readonly ready: false;
  readonly state: 'waiting' | 'loading' | 'failed';
}

export interface ModelFacts {
  readonly id: string;
  readonly ready: true;
  readonly condition: 'text' | 'class';
  /** Names in the order of their numbers, or how many there are. */
  readonly classes?: readonly string[] | number | null;
  /** Pixels a side of a cell of the autoencoder. */
  readonly cell_pixels: number;
  /** Cells a side of one token. */
  readonly patch: number;
  /** Pixels. */
  readonly max_side: number;
  /** WIDTHxHEIGHT each. */
  readonly sizes: readonly string[];
  /** Those that it can follow. */
  readonly system_prompts: readonly string[];
  /** What counts where a setting is not given. */
  readonly defaults: DrawBody;
}

export interface SolverFacts {
  readonly name: string;
  readonly title: string;
  /** The settings that it reads. */
  readonly fields: readonly string[];
  readonly least_steps: number;
}

/** What JSON Schema says of one setting. */
export interface SettingSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly pattern?: string;
  readonly description?: string;
}

export interface Limits {
  /** Pictures a request. */
  readonly n: number;
  readonly steps: number;
  /** Width times height. */
  readonly pixels: number;
  readonly prompt_characters: number;
}

export interface Capabilities {
  readonly models: readonly (ModelFacts | UnreadyModel)[];
  readonly solvers: readonly SolverFacts[];
  readonly output_formats: readonly string[];
  readonly settings: { readonly [name: string]: SettingSchema };
  readonly limits: Limits;
  readonly auth: boolean;
  readonly version: string;
}

export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** The job as a route answers it. */
export interface JobAnswer {
  readonly id: string;
  readonly status: JobStatus;
  readonly place?: number | null;
  readonly step?: number | null;
  readonly steps?: number | null;
  readonly eta_seconds?: number | null;
}

export interface ErrorBody {
  readonly message: string;
  readonly type?: string | null;
  readonly param?: string | null;
  readonly code?: string | null;
}

/** An event of a job's stream. */
export type JobEvent =
  | { readonly type: 'queued'; readonly place: number }
  | { readonly type: 'encode' }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      readonly eta_seconds?: number | null;
    }
  | {
      readonly type: 'preview';
      readonly index: number;
      readonly output_format: string;
      readonly b64_json: string;
    }
  | {
      readonly type: 'image';
      readonly index: number;
      readonly seed: number;
      readonly width: number;
      readonly height: number;
      readonly output_format: string;
      readonly b64_json: string;
    }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: ErrorBody }
  | { readonly type: 'cancelled' };

/** An event with its number in the job, or news of the way to the server. */
export type Followed =
  | { readonly kind: 'event'; readonly id: number; readonly event: JobEvent }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'joined' };

/** A picture as the gallery keeps it. */
export interface Picture {
  /** JOB/INDEX: the same picture is kept once, however often it comes. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The file as the server made it, with its parameters inside. */
  readonly blob: Blob;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  /** What was asked for, with this picture's own seed. */
  readonly body: DrawBody;
}

/** A job of this page that has not ended, or has failed and was not yet dismissed. */
export interface PageJob {
  readonly id: string;
  readonly body: DrawBody;
  readonly createdAt: number;
  /** Number of the last event that need not come again after a reload. */
  kept: number;
  /** Number of the last event that came. */
  seen: number;
  status: JobStatus | 'lost';
  /** Nothing more comes of it. */
  isOver: boolean;
  place?: number | undefined;
  isEncoding?: boolean | undefined;
  step?: number | undefined;
  steps?: number | undefined;
  etaSeconds?: number | undefined;
  /** Small pictures by index, while these are drawn. */
  readonly previews: Map<number, Blob>;
  /** Indices of pictures that are done. */
  readonly done: Set<number>;
  /** Why no news come, or why it failed. */
  trouble?: string | undefined;
  readonly warnings: string[];
  isCancelling?: boolean | undefined;
}

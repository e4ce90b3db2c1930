/** What an evaluation tells while it runs. */
import type { SignalOptions } from '../abort.js';
import type { WarningEvent } from '../pipeline/types.js';
import type { LoadEvent } from '../release/types.js';
import type { WatchEvent } from './watch/types.js';

/** What `onEvent` is called with. */
export type EvaluateEvent =
  | EvaluateProgressEvent
  | WarningEvent
  | BadPictureEvent
  | LoadEvent
  | EvaluateImageEvent
  | WatchEvent;

/** So much of a part of the work is done. */
export interface EvaluateProgressEvent {
  readonly type: 'progress';
  /** Of this part. */
  readonly done: number;
  /** Undefined where nobody knows before the end. */
  readonly total?: number | undefined;
  /** The part, in words: "pictures of out/", "KID". */
  readonly what: string;
}

/** A picture that cannot be read. The evaluation goes on and counts it. */
export interface BadPictureEvent {
  readonly type: 'bad-picture';
  /** Of the file; of an entry of an npz, the npz and its number. */
  readonly path: string;
  readonly message: string;
}

/** A picture is drawn and written, or was there already. */
export interface EvaluateImageEvent {
  readonly type: 'image';
  /** Its number among all of the evaluation, from 0. */
  readonly index: number;
  /** Of the file. */
  readonly path: string;
  /** What it should show. */
  readonly prompt?: string | undefined;
  /** It was drawn from. */
  readonly seed?: number | undefined;
  /** It was there already and stays as it is. */
  readonly skipped?: boolean | undefined;
}

/** What every evaluation can be given beside its request. */
export interface EvaluateOptions extends SignalOptions {
  /** Called with progress, warnings and pictures that cannot be read. */
  readonly onEvent?: ((event: EvaluateEvent) => void) | undefined;
}

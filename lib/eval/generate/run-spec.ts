/** What a run of drawing is asked for, and what becomes of it. */
import type { ResolvedModelOptions } from '../../config/model.js';
import type { ResolvedSettings } from '../../config/request.js';
import type { DrawnFrom } from '../../release/draw-config.js';
import type { PictureFile } from '../layouts/plan.js';
import type { RunRecord } from './run-record.js';
import type { FailedFile } from './types.js';

/** What loadDrawConfig gives. */
export interface RunConfig extends DrawnFrom {
  readonly model: ResolvedModelOptions;
  readonly sample: Omit<ResolvedSettings, 'count' | 'seed' | 'seedMode'>;
}

export interface RunSpec {
  /** What it is, as a run.json tells it: `geneval`. */
  readonly kind: string;
  /** Gets run.json. */
  readonly out: string;
  /** That the paths of files start at; may be `out`. */
  readonly folder: string;
  /** What is drawn, `count` pictures of each. */
  readonly asked:
    | { readonly prompts: readonly string[] }
    | { readonly classes: readonly (number | string)[] };
  readonly count: number;
  /** Of the first picture; picture i of the run has seed + i, with `same` picture j of every prompt seed + j. */
  readonly seed: number;
  readonly seedMode: 'each' | 'same';
  readonly files: readonly PictureFile[];
  /** Names in `folder` that a longer run has beside `files`: they go where all is drawn anew. */
  readonly isOfLongerRun?: ((name: string) => boolean) | undefined;
  readonly config: RunConfig;
  readonly nproc: number;
  /** Otherwise all files are drawn. */
  readonly skipExisting: boolean;
  /** What becomes of a folder that holds another run, or files that are not those asked for. */
  readonly onMismatch: 'refuse' | 'redraw';
  /** As it was typed. */
  readonly command?: string | undefined;
  /** More that decides the pictures, flat: another value is another run. */
  readonly decides: Readonly<Record<string, unknown>>;
  /** More that one who repeats it wants to know. */
  readonly about: Readonly<Record<string, unknown>>;
}

export interface RunOutcome {
  readonly drawn: number;
  readonly kept: number;
  readonly failed: readonly FailedFile[];
  /** As it is in run.json now. */
  readonly record: RunRecord;
}

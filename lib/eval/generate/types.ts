/** What the drawing of a benchmark takes and gives. */
import type { ModelOptions } from '../../config/model.js';
import type { Settings } from '../../config/settings.js';
import type { ErrorJson } from '../../errors.js';
import type { CheckReport } from '../layouts/check-report.js';

/** Settings of a benchmark's pictures, but for what the benchmark decides: how many there are, and how seeds are counted. */
export interface BenchmarkSettings extends Omit<Settings, 'count' | 'seed' | 'seedMode'> {
  /** Of the first picture. Default: 0, or 42 with `seeds: 'upstream'`. */
  readonly seed?: number | undefined;
}

/** What is drawn, by which model, and where it goes. */
export interface BenchmarkRequest {
  /** The benchmark's list of prompts; of DPG-Bench also a folder of ID.txt, or a .csv. */
  readonly prompts: string | URL;
  /** Folder that gets the pictures, run.json and report.html; a run that was stopped goes on in it. */
  readonly out: string | URL;
  /** Pictures of each prompt. Default: 4, of GenEval 2 one. */
  readonly imagesPerPrompt?: number | undefined;
  /** Key of the text that is drawn. Default: `prompt`. */
  readonly promptKey?: string | undefined;
  /**
   * `per-picture`: picture i of the run uses seed + i; `upstream`: every prompt begins again at the seed, 42 where not
   * given. Default: `per-picture`.
   */
  readonly seeds?: 'per-picture' | 'upstream' | undefined;
  /** Keep pictures that are there already, as their parameters tell. Default: true. */
  readonly skipExisting?: boolean | undefined;
  /** A folder with pictures of other settings: `refuse` before anything is drawn, or `redraw` them. Default: `refuse`. */
  readonly onMismatch?: 'refuse' | 'redraw' | undefined;
  /** Processes on this machine, one a GPU; the pictures are the same. Default: 1. */
  readonly nproc?: number | undefined;
  /** Which weights, where they run and in which precision. */
  readonly model?: ModelOptions | undefined;
  /** Settings of the pictures. */
  readonly sample?: BenchmarkSettings | undefined;
}

/** What the drawing of a benchmark gives. */
export interface BenchmarkResult {
  /** The benchmark. */
  readonly kind: 'geneval' | 'geneval2' | 'dpg';
  /** The output folder, as it was named. */
  readonly out: string;
  /** What the scorer is given. */
  readonly folder: string;
  /** Of the list. */
  readonly prompts: number;
  /** Of all prompts. */
  readonly pictures: number;
  /** Files that were drawn. */
  readonly drawn: number;
  /** Files that were there already. */
  readonly kept: number;
  /** Files that could not be drawn. */
  readonly failed: readonly FailedFile[];
  /** Of the folder, as it is now. */
  readonly check: CheckReport;
  /** Path of run.json. */
  readonly run: string;
  /** Path of report.html. */
  readonly report: string;
  /** Path of results.json. */
  readonly results: string;
  /** How the scorer is called, a line each. */
  readonly scorer: readonly string[];
}

/** A file that is not there, since a picture of it could not be drawn. */
export interface FailedFile {
  /** Below the scorer's folder. */
  readonly path: string;
  /** Number of the picture in the run, from 0. */
  readonly index: number;
  /** Its own. */
  readonly seed: number;
  /** What was to be drawn. */
  readonly prompt: string;
  /** Why it was not. */
  readonly error: ErrorJson;
}

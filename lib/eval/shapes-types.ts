/** What is asked of pictures of shapes, and what comes of it. */
import type { ModelOptions } from '../config/model.js';
import type { Settings } from '../config/settings.js';
import type { Scores } from '../shapes/score.js';
import type { Category } from '../shapes/vocabulary.js';
import type { WrittenReport } from './html/write-report.js';

/** What `evaluate({ kind: 'shapes' })` takes. */
export interface ShapesRequest {
  /** Folder whose shapes.jsonl lists the pictures to judge; nothing is drawn. */
  readonly images?: string | URL | undefined;
  /** Judge the autoencoder's reconstructions of drawn scenes. Default: false. */
  readonly reconstruct?: boolean | undefined;
  /** What is measured. Default: the model that comes with the package. */
  readonly model?: ModelOptions | undefined;
  /** How pictures are drawn. Default: as the release says, 64 x 64 pixels in 25 steps where it says nothing. */
  readonly sample?: Omit<Settings, 'count' | 'seed' | 'seedMode'> | undefined;
  /** Some of the categories. Default: all six. */
  readonly categories?: readonly Category[] | undefined;
  /** Prompts of each category, 1 to 10,000. Default: 50, or all of `images`. */
  readonly perCategory?: number | undefined;
  /** Of the prompts and of the pictures. Default: 0. */
  readonly seed?: number | undefined;
  /** Folder for report.html, sheet.png, failures.jsonl and results.json. Default: nothing is written. */
  readonly out?: string | URL | undefined;
}

/** What `evaluate({ kind: 'shapes' })` gives. */
export interface ShapesResult extends Scores {
  /** Absent where nothing was to be written. */
  readonly files?: ShapesFiles;
}

/** What was written. */
export interface ShapesFiles extends WrittenReport {
  /** Contact sheet: the first pictures of every category, framed green where right. */
  readonly sheet: string;
  /** A JSON line for each picture that is wrong. */
  readonly failures: string;
}

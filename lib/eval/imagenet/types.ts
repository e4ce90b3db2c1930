/** What `evaluate({ kind: 'imagenet' })` takes and gives: the schema of lib/config/eval/imagenet.ts in words, for editors. */
import type { ModelOptions } from '../../config/model.js';
import type { Settings } from '../../config/settings.js';
import type { ImagesResult, SetValues } from '../measure-types.js';

/** What is drawn, by which model, against what, and where it goes. */
export interface ImagenetRequest {
  /** Npz of the reference: mu, sigma, mu_s, sigma_s and arr_0, as VIRTUAL_imagenet256_labeled.npz. */
  readonly reference: string | URL;
  /** File of FID's Inception. */
  readonly inception: string | URL;
  /** Folder for pictures, samples.npz, run.json, results.json and report.html; a run that was stopped goes on in it. */
  readonly out: string | URL;
  /** Pictures that are drawn. Default: 50,000. */
  readonly count?: number | undefined;
  /** `balanced`: each class as often, in turn; `random`: drawn from the seed. Default: `balanced`. */
  readonly classes?: 'balanced' | 'random' | undefined;
  /** Classes that are drawn, from 0 on. Default: 1000. */
  readonly numClasses?: number | undefined;
  /** Keep pictures that are there already. Default: true. */
  readonly skipExisting?: boolean | undefined;
  /** A folder with pictures of other settings: refuse before anything is drawn, or redraw them. Default: `refuse`. */
  readonly onMismatch?: 'refuse' | 'redraw' | undefined;
  /** Processes that draw, one a GPU; the pictures are the same. Default: 1. */
  readonly nproc?: number | undefined;
  /** k of precision and recall. Default: 3. */
  readonly neighbours?: number | undefined;
  /** Threads that decode pictures. Default: one less than there are cores. */
  readonly workers?: number | undefined;
  /** Features above this, in MB, go to a file in the folder for temporary files. Default: 2048. */
  readonly spillMegabytes?: number | undefined;
  /** Which weights, where they run and in which precision. */
  readonly model?: ModelOptions | undefined;
  /** Of the pictures. Default: of SVG the sampler of its figures, of others what they are published with. */
  readonly sample?: Omit<Settings, 'count' | 'seed' | 'seedMode'> & { readonly seed?: number | undefined };
}

/** What `evaluate({ kind: 'imagenet' })` gives. */
export interface ImagenetResult extends SetValues {
  /** Of evaluation. */
  readonly kind: 'imagenet';
  /** The figures with all that decides them, on one line. */
  readonly line: string;
  /** Pictures. */
  readonly count: number;
  /** That were drawn now. */
  readonly drawn: number;
  /** That were there already. */
  readonly kept: number;
  /** Absolute path of samples.npz. */
  readonly samples: string;
  /** What was measured of the reference. */
  readonly reference: ImagesResult['reference'];
  /** What makes the numbers hard to compare, in words. */
  readonly warnings: readonly string[];
  /** That it took. */
  readonly seconds: number;
  /** Path of report.html. */
  readonly report: string;
}

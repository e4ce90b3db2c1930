/** What `evaluate({ kind: 'reconstruct' })` takes and gives. */
import type { MetricName } from '../config/eval/measure.js';
import type { ModelOptions } from '../config/model.js';
import type {
  MachineFields,
  NetworkFields,
  PairSummaries,
  ProtocolFields,
  ReadingFields,
  SetSummary,
  SetValues,
} from './measure-types.js';

/** What `evaluate({ kind: 'reconstruct' })` takes. */
export interface ReconstructRequest
  extends ReadingFields,
    NetworkFields,
    ProtocolFields,
    Pick<MachineFields, 'spillMegabytes'> {
  /** Pictures: a folder, an .npz with pictures, or a list. */
  readonly data: string;
  /** Whose autoencoder, and where it runs. Default: as `SvgT2I.load()`. */
  readonly model?: ModelOptions | undefined;
  /** Default: psnr, ssim, and fid and lpips where their weights are named. */
  readonly metrics?: readonly MetricName[] | undefined;
  /** Statistics that eval stats wrote of the same pictures, cut alike. Default: counted along. */
  readonly reference?: string | undefined;
  /** The first pictures only. Default: all. */
  readonly count?: number | undefined;
  /** Side of the squares that are encoded. Default: 256. */
  readonly resolution?: number | undefined;
  /** Folder for report.html, results.json and pairs.jsonl. Default: nothing is written. */
  readonly out?: string | undefined;
  /** Also write each reconstruction, as PNG, into out/reconstructions. Default: false. */
  readonly keepPictures?: boolean | undefined;
}

/** What `evaluate({ kind: 'reconstruct' })` gives; fid, sfid and kid are those of the reconstructions: rFID. */
export interface ReconstructResult extends SetValues {
  /** As in the request. */
  readonly kind: 'reconstruct';
  /** What was encoded. */
  readonly data: SetSummary;
  /** By metric. */
  readonly pairs: PairSummaries;
  /** Pictures that could not be read: path and reason. */
  readonly bad: readonly { readonly path: string; readonly message: string }[];
  /** What makes the numbers hard to compare, in words. */
  readonly warnings: readonly string[];
  /** That it took. */
  readonly seconds: number;
  /** Path of report.html, where one was asked for. */
  readonly report?: string | undefined;
}

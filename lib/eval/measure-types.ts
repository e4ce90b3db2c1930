/** What evaluations that measure pictures take and give: the schemas of lib/config/eval in words, for editors. */
import type { MetricName, PairMetricName } from '../config/eval/measure.js';
import type { PairSummary } from './pair-values.js';

/** How pictures are read and cut. */
export interface ReadingFields {
  /** Cut all pictures to squares of so many pixels a side. Default: as they are. */
  readonly resolution?: number | undefined;
  /** How they are cut: as ADM's reference sets (alpha dropped), or as for training (alpha on white). Default: `adm`. */
  readonly crop?: 'adm' | 'train' | undefined;
  /** Transparent pixels: pasted on white, or the alpha channel dropped. Default: `white`; `drop` where `crop` is adm. */
  readonly alpha?: 'white' | 'drop' | undefined;
  /** Turn pictures upright as their EXIF orientation says. Default: false, as other scorers; true where `crop` is train. */
  readonly autoOrient?: boolean | undefined;
  /** Width times height of the largest picture that is read. Default: 67,108,864. */
  readonly maxPixels?: number | undefined;
  /** Share of a set's pictures that may be unreadable, 0 to 1; more is an error, once all are counted. Default: 0. */
  readonly maxBadShare?: number | undefined;
  /** Threads that decode pictures. Default: one less than there are cores. */
  readonly workers?: number | undefined;
}

/** The networks that measure. */
export interface NetworkFields {
  /** File of FID's Inception, as torch-fidelity or pytorch-fid publish it: fid, sfid, kid, is and pr need it. */
  readonly inception?: string | undefined;
  /** File of LPIPS: VGG-16, and the linear layers if they are in it. */
  readonly lpips?: string | undefined;
  /** File of LPIPS's linear layers, where they have one of their own. */
  readonly lpipsLinear?: string | undefined;
}

/** How the metrics of sets are counted. */
export interface ProtocolFields {
  /** Of the Inception Score: `torch-fidelity` shuffles and takes `splits`, `adm` takes parts of 5000. Default: `torch-fidelity`. */
  readonly protocol?: 'torch-fidelity' | 'adm' | undefined;
  /** Of the Inception Score, 1 to 1000. Default: 10. */
  readonly splits?: number | undefined;
  /** Of KID. Default: 100. */
  readonly kidSubsets?: number | undefined;
  /** Pictures of a subset of KID. Default: 1000. */
  readonly kidSubsetSize?: number | undefined;
  /** k of precision and recall. Default: 3. */
  readonly neighbours?: number | undefined;
  /** Of what is drawn for KID and the Inception Score. Default: 2020. */
  readonly seed?: number | undefined;
}

/** Where it is computed. */
export interface MachineFields {
  /** `auto`, `cpu`, `cuda` or `cuda:N`. Default: `auto`, which takes a GPU where there is one. */
  readonly device?: string | undefined;
  /** CPU threads, 1 to 4096. Default: all cores. */
  readonly threads?: number | undefined;
  /** Features of kid and pr above this, in MB, go to a file in the folder for temporary files. Default: 2048. */
  readonly spillMegabytes?: number | undefined;
}

/** What `evaluate({ kind: 'images' })` takes. */
export interface ImagesRequest extends ReadingFields, NetworkFields, ProtocolFields, MachineFields {
  /** Pictures that are judged: a folder, an .npz, or a list. */
  readonly set: string;
  /** What they are held against: a folder, an .npz with pictures or statistics, or a list. `is` needs none. */
  readonly reference?: string | undefined;
  /** Default: `['fid']`. */
  readonly metrics?: readonly MetricName[] | undefined;
  /** Folder for report.html, results.json and, with metrics of pairs, pairs.jsonl. Default: nothing is written. */
  readonly out?: string | undefined;
}

/** What `evaluate({ kind: 'stats' })` takes. */
export interface StatsRequest extends ReadingFields, Pick<NetworkFields, 'inception'>, MachineFields {
  /** Pictures: a folder, an .npz, or a list. */
  readonly set: string;
  /** .npz that gets mu and sigma, mu_s and sigma_s. */
  readonly out: string;
  /** Also of the spatial features, which sFID and ADM's evaluator need. Default: true. */
  readonly spatial?: boolean | undefined;
}

/** A set as it was measured. */
export interface SetSummary {
  /** As it was named. */
  readonly name: string;
  /** That were measured; of statistics alone those that they were taken of, 0 where the file does not say. */
  readonly pictures: number;
  /** That could not be read. */
  readonly unreadable: number;
  /** `256x256`, the most frequent first; as they were measured. */
  readonly sizes: readonly string[];
}

/** Metrics of a set, or of a set against a reference. */
export interface SetValues {
  /** Fréchet distance of Inception's pool features. */
  readonly fid?: number | undefined;
  /** The same of its spatial features. */
  readonly sfid?: number | undefined;
  /** Kernel distance: mean and deviation over the subsets. */
  readonly kid?: { readonly mean: number; readonly std: number } | undefined;
  /** Inception Score: mean and deviation over the splits. */
  readonly is?: { readonly mean: number; readonly std: number } | undefined;
  /** Improved precision and recall, and their harmonic mean. */
  readonly pr?: { readonly precision: number; readonly recall: number; readonly fScore: number } | undefined;
}

/** Metrics of pairs, over all pairs. */
export type PairSummaries = Readonly<Partial<Record<PairMetricName, PairSummary>>>;

/** What `evaluate({ kind: 'images' })` gives. */
export interface ImagesResult extends SetValues {
  /** As in the request. */
  readonly kind: 'images';
  /** What was judged. */
  readonly set: SetSummary;
  /** What it was held against. */
  readonly reference?: SetSummary | undefined;
  /** By metric; absent where none of pairs was asked for. */
  readonly pairs?: PairSummaries | undefined;
  /** Pictures that could not be read, and pairs that do not fit: path and reason. */
  readonly bad: readonly { readonly path: string; readonly message: string }[];
  /** What makes the numbers hard to compare, in words. */
  readonly warnings: readonly string[];
  /** That it took. */
  readonly seconds: number;
  /** Path of report.html, where one was asked for. */
  readonly report?: string | undefined;
}

/** What `evaluate({ kind: 'stats' })` gives. */
export interface StatsResult {
  /** As in the request. */
  readonly kind: 'stats';
  /** The .npz that was written. */
  readonly path: string;
  /** Of which pictures. */
  readonly set: SetSummary;
  /** Of the features: 2048. */
  readonly dimensions: number;
  /** Pictures that could not be read: path and reason. */
  readonly bad: readonly { readonly path: string; readonly message: string }[];
  /** What makes the numbers hard to compare, in words. */
  readonly warnings: readonly string[];
  /** That it took. */
  readonly seconds: number;
}

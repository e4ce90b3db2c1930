/** What a report of an evaluation holds, before it is a page. */
import type { RgbImage } from '../image/rgb-image.js';

export interface ReportContent {
  /** "FID and KID of out/ against imagenet-256.npz". */
  readonly title: string;
  /** The command that makes it again, as one types it. */
  readonly command: string;
  /** ISO 8601. */
  readonly time: string;
  /** The numbers that one came for. */
  readonly headline: readonly Figure[];
  readonly tables: readonly ReportTable[];
  readonly histograms: readonly Histogram[];
  /** How numbers change, as over the steps of a run. */
  readonly curves?: readonly Curve[];
  /** Best, median, worst; or the pictures of each category. */
  readonly sheets: readonly ContactSheet[];
  readonly failures: readonly Failure[];
  /** In words: too few pictures for the dimensions, and the like. */
  readonly warnings: readonly string[];
  /** Every setting that decided the numbers. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface Figure {
  readonly name: string;
  /** As shown: "12.34 dB". */
  readonly value: string;
  /** "0.71 to 0.78 (95 %)", "lower is better". */
  readonly note?: string;
}

export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Histogram {
  readonly title: string;
  /** "dB"; empty where there is none. */
  readonly unit: string;
  readonly values: readonly number[];
}

export interface Curve {
  readonly title: string;
  /** Of the values; empty where there is none. */
  readonly unit: string;
  /** What runs along the bottom: "step". */
  readonly along: string;
  readonly series: readonly {
    /** Told apart by it where there are several. */
    readonly name: string;
    /** From left to right. */
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
}

export interface ContactSheet {
  readonly title: string;
  readonly pictures: readonly ReportPicture[];
}

export interface ReportPicture {
  /** A prompt, or a file's name. */
  readonly caption: string;
  /** Shown small, the report makes its thumbnails itself; the second beside the first: original and reconstruction. */
  readonly images: readonly RgbImage[];
  /** Path of the picture, absolute; the report links to it from where it lies. */
  readonly path?: string;
  /** "PSNR 18.2 dB". */
  readonly value?: string;
  readonly good?: boolean;
}

export interface Failure {
  readonly prompt?: string;
  readonly path?: string;
  readonly reasons: readonly string[];
}

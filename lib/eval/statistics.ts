/** What is known of a set of pictures by its statistics. */
import type { Provenance } from './provenance.js';

/** Mean and covariance of a set's features, in fp64, as FID compares them. */
export interface StoredStatistics {
  /** (d): mean of the pool features, d = 2048. */
  readonly mu: Float64Array<ArrayBuffer>;
  /** (d, d), row by row: their covariance, divided by n - 1. */
  readonly sigma: Float64Array<ArrayBuffer>;
  /** (2023) and (2023, 2023) of the spatial features, where the file has them: sFID. */
  readonly spatial?:
    | { readonly mu: Float64Array<ArrayBuffer>; readonly sigma: Float64Array<ArrayBuffer> }
    | undefined;
  /** Pictures that they were taken of, where the file says it. */
  readonly count?: number | undefined;
  /** Of a file that eval stats wrote. */
  readonly provenance?: Provenance | undefined;
}

/** A picture on both sides of the decoder, in the numbers that the models compute with. */

/** Features of one picture, as `encode()` gives and `decode()` takes them. */
export interface Latent {
  /** Numbers a place: 384 with the published autoencoder P. */
  readonly channels: number;
  /** Rows: the picture's height in cells of `pipe.models.autoencoder.cellPixels`. */
  readonly height: number;
  /** Columns: likewise of its width. */
  readonly width: number;
  /** (channels, height, width), row-major. */
  readonly data: Float32Array;
}

/** A picture as the decoder left it. */
export interface DecodedImage {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** (3, height, width), about -1 to 1. */
  readonly data: Float32Array;
}

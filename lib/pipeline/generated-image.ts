import { encodeImage, type OutputFormat } from '../image/encode.js';
import type { ImageParameters } from '../image/parameters.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { DecodedImage, Latent } from './types.js';

/** One picture of a run: its pixels and everything needed to draw it again. */
export class GeneratedImage implements RgbImage {
  readonly index: number;
  readonly seed: number;
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  /** 8-bit RGB, row by row: (height, width, 3). */
  readonly data: Uint8Array;
  /** What is stored in encoded files and shown by `svg-t2i info`. */
  readonly metadata: ImageParameters;
  /** Where the request asked for latents. */
  readonly latent?: Latent;
  /** Where the request asked for it. */
  readonly decoded?: DecodedImage;

  /** @internal */
  constructor(fields: {
    readonly index: number;
    readonly seed: number;
    readonly prompt: string;
    readonly pixels: RgbImage;
    readonly metadata: ImageParameters;
    readonly latent?: Latent | undefined;
    readonly decoded?: DecodedImage | undefined;
  }) {
    this.index = fields.index;
    this.seed = fields.seed;
    this.prompt = fields.prompt;
    this.width = fields.pixels.width;
    this.height = fields.pixels.height;
    this.data = fields.pixels.data;
    this.metadata = fields.metadata;
    if (fields.latent !== undefined) this.latent = fields.latent;
    if (fields.decoded !== undefined) this.decoded = fields.decoded;
  }

  /** The pixels as raw RGB bytes; the same memory as `data`. */
  get rgb(): Uint8Array {
    return this.data;
  }

  /** Bytes of a PNG file with the metadata in it. */
  png(): Promise<Uint8Array> {
    return this.encode('png');
  }

  /** Bytes of a file with the metadata in it; `quality` from 1 to 100 is for jpeg and webp. */
  encode(format: OutputFormat, options: { readonly quality?: number } = {}): Promise<Uint8Array> {
    return encodeImage(this, { format, ...options, parameters: this.metadata });
  }
}

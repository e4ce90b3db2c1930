import { z } from 'zod';
import { checkPath } from '../config/paths.js';
import { checkArgument } from '../config/values.js';
import { replaceFile } from '../files.js';
import { encodeImage, type OutputFormat, outputFormatOf } from '../image/encode.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { ImageMetadata } from './image-metadata.js';
import type { DecodedImage, Latent } from './latent.js';

/** How a picture is written. */
export interface ImageFileOptions {
  /** 1 to 100, for jpeg and webp. Default: 92. */
  readonly quality?: number;
}

const fileOptionsSchema = z.strictObject({ quality: z.number().int().min(1).max(100).optional() });

/**
 * One picture of a run: its pixels and everything needed to draw it again.
 *
 * @example
 * const { images } = await pipe.generate({ prompt: 'a red circle' });
 * for (const image of images) await image.save(`seed${image.seed}.png`);
 */
export class GeneratedImage implements RgbImage {
  /** Its number in the run, from 0. */
  readonly index: number;
  /** Its own: the request's seed counted on, by `index`, or from each prompt anew where `seedMode` is `same`. */
  readonly seed: number;
  /** As it was asked for, also where it was enhanced. */
  readonly prompt: string;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** 8-bit RGB, row by row: (height, width, 3). */
  readonly data: Uint8Array;
  /** What is stored in encoded files and shown by `svg-t2i info`. */
  readonly metadata: ImageMetadata;
  /** As the transformer left it, where the request has `returnLatents`. */
  readonly latent?: Latent;
  /** As the decoder left it, where the request has `returnDecoded`. */
  readonly decoded?: DecodedImage;

  /** @internal */
  constructor(fields: {
    readonly index: number;
    readonly seed: number;
    readonly prompt: string;
    readonly pixels: RgbImage;
    readonly metadata: ImageMetadata;
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

  /**
   * Bytes of a PNG file with the metadata in it.
   *
   * @throws SvgT2IError ERR_SVGT2I_IMAGE where it cannot be encoded
   *
   * @example
   * response.type('png').send(await image.png());
   */
  png(): Promise<Uint8Array> {
    return this.encode('png');
  }

  /**
   * Bytes of a file with the metadata in it.
   *
   * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for another format
   *
   * @example
   * response.type('image/webp').send(await image.encode('webp', { quality: 80 }));
   */
  async encode(format: OutputFormat | 'jpg', options: ImageFileOptions = {}): Promise<Uint8Array> {
    const { quality } = checkArgument('options', fileOptionsSchema, options);
    return encodeImage(this, {
      ...(quality === undefined ? {} : { quality }),
      format,
      parameters: { ...this.metadata },
    });
  }

  /**
   * Writes a file with the metadata in it, whole or not at all; what was there before is replaced.
   *
   * @param path ends in .png, .jpg, .jpeg or .webp, which decides the format
   * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for another ending; ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_DISK_FULL or
   *   ERR_SVGT2I_IO
   *
   * @example
   * await image.save('fox.webp', { quality: 85 });
   */
  async save(path: string | URL, options: ImageFileOptions = {}): Promise<void> {
    const file = checkPath('path', path);
    await replaceFile(file, [await this.encode(outputFormatOf(file), options)]);
  }
}

/** RGB pixels into picture files that carry their parameters. */
import { z } from 'zod';
import { validate } from '../config/validate.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { INFOTEXT_KEYWORD, infotextOf } from './infotext.js';
import { insertJpegExif, withoutJpegDensity } from './jpeg-exif.js';
import { type ImageParameters, PARAMETERS_KEYWORD, parametersExif, toAsciiJson } from './parameters.js';
import { insertPngChunks, pngTextChunk } from './png-text.js';
import type { RgbImage } from './rgb-image.js';
import { checkImage } from './schema.js';
import { loadSharp } from './sharp.js';
import { insertWebpExif } from './webp-exif.js';

/** Formats that are written. */
export type OutputFormat = 'png' | 'jpeg' | 'webp';

/** What `encodeImage()` takes. */
export interface EncodeOptions {
  /** `jpg` is `jpeg`. */
  readonly format: OutputFormat | 'jpg';
  /** 1 to 100 for JPEG and WebP; PNG loses nothing at any setting. Default 92. */
  readonly quality?: number;
  /** Stored in the picture and read back by `readParameters`. */
  readonly parameters?: ImageParameters;
}

/** Longest side that a format can hold. */
export const MAX_FORMAT_SIDE: Readonly<Record<OutputFormat, number>> = {
  png: 2 ** 31 - 1,
  jpeg: 65_535,
  webp: 16_383,
};

const DEFAULT_QUALITY = 92;
const optionsSchema = z.strictObject({
  format: z.enum(['png', 'jpeg', 'webp', 'jpg']).transform((name) => (name === 'jpg' ? 'jpeg' : name)),
  quality: z.number().int().min(1).max(100).default(DEFAULT_QUALITY),
  parameters: z.record(z.string(), z.unknown()).optional(),
});
const formatByExtension: Readonly<Record<string, OutputFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};

/**
 * The format that a file name's ending asks for.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for any other ending
 */
export function outputFormatOf(path: string): OutputFormat {
  const extension = /\.[^./\\]*$/.exec(path)?.[0].toLowerCase() ?? '';
  const format = formatByExtension[extension];
  if (format !== undefined) return format;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `${path} does not end as a picture that can be written`,
    {
      hint: 'Use .png, .jpg, .jpeg or .webp.',
    },
  );
}

/**
 * A PNG, JPEG (4:4:4) or WebP file's bytes.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for another format or a quality out of range, ERR_SVGT2I_IMAGE for a
 *   size that the format cannot hold (16383 px a side for WebP, 65535 for JPEG)
 *
 * @example
 * for await (const event of pipe.stream({ prompt: 'a red circle', previewEvery: 10 })) {
 *   if (event.type === 'preview') await writeFile('now.jpg', await encodeImage(event.image, { format: 'jpeg' }));
 * }
 */
export async function encodeImage(image: RgbImage, options: EncodeOptions): Promise<Uint8Array> {
  const { format, parameters, quality } = validate(optionsSchema, options, {
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
  });
  const { width, height, data } = checkImage('image', image);
  const sharp = await loadSharp();
  const encoder = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  if (format === 'png') encoder.png();
  else if (format === 'jpeg') encoder.jpeg({ quality, chromaSubsampling: '4:4:4' });
  else encoder.webp({ quality });
  try {
    return withParameters(await encoder.toBuffer(), image, { format, parameters });
  } catch (error) {
    const size = `${width}x${height}`;
    throw new SvgT2IError(
      'ERR_SVGT2I_IMAGE',
      `a ${size} picture cannot be written as ${format}: ${firstLine(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** The file with its parameters, and without the encoder's claim to dots per inch: a drawn picture has none. */
function withParameters(
  bytes: Buffer,
  image: RgbImage,
  { format, parameters }: { readonly format: OutputFormat; readonly parameters: ImageParameters | undefined },
): Buffer {
  const exif = parameters === undefined ? undefined : parametersExif(parameters);
  switch (format) {
    case 'jpeg': {
      const plain = withoutJpegDensity(bytes);
      return exif === undefined ? plain : insertJpegExif(plain, exif);
    }
    case 'webp':
      return exif === undefined ? bytes : insertWebpExif(bytes, exif, image);
    case 'png': {
      if (exif === undefined || parameters === undefined) return insertPngChunks(bytes, [], ['pHYs']);
      const infotext = infotextOf(parameters);
      const chunks = [
        pngTextChunk(PARAMETERS_KEYWORD, toAsciiJson(parameters)),
        ...(infotext === undefined ? [] : [pngTextChunk(INFOTEXT_KEYWORD, infotext)]),
        // What survives where a tool makes another format of it.
        { type: 'eXIf', data: exif },
      ];
      return insertPngChunks(bytes, chunks, ['pHYs']);
    }
  }
}

/** RGB pixels into picture files that carry their parameters. */
import sharp from 'sharp';
import { firstLine, SvgT2IError } from '../errors.js';
import { exifDescription, type ImageParameters, PARAMETERS_KEYWORD } from './parameters.js';
import { insertPngText } from './png-text.js';
import type { RgbImage } from './rgb-image.js';

export type OutputFormat = 'png' | 'jpeg' | 'webp';

export interface EncodeOptions {
  readonly format: OutputFormat;
  /** 1 to 100 for JPEG and WebP; PNG loses nothing at any setting. Default 92. */
  readonly quality?: number;
  /** Stored in the picture and read back by `readParameters`. */
  readonly parameters?: ImageParameters;
}

const DEFAULT_QUALITY = 92;
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
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a quality out of range, ERR_SVGT2I_IMAGE for a size that the
 *   format cannot hold (16383 px a side for WebP, 65535 for JPEG)
 */
export async function encodeImage(image: RgbImage, options: EncodeOptions): Promise<Uint8Array> {
  const { format, parameters, quality = DEFAULT_QUALITY } = options;
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `quality ${quality} is no integer from 1 to 100`);
  }
  const raw = { width: image.width, height: image.height, channels: 3 as const };
  const encoder = sharp(image.data, { raw, limitInputPixels: false });
  if (format === 'png') encoder.png();
  else if (format === 'jpeg') encoder.jpeg({ quality, chromaSubsampling: '4:4:4' });
  else encoder.webp({ quality });
  if (format !== 'png' && parameters !== undefined) {
    encoder.withExif({
      IFD0: { ImageDescription: exifDescription(parameters), Software: PARAMETERS_KEYWORD },
    });
  }
  try {
    const bytes = await encoder.toBuffer();
    if (format !== 'png' || parameters === undefined) return bytes;
    return insertPngText(bytes, PARAMETERS_KEYWORD, JSON.stringify(parameters));
  } catch (error) {
    const size = `${image.width}x${image.height}`;
    throw new SvgT2IError(
      'ERR_SVGT2I_IMAGE',
      `a ${size} picture cannot be written as ${format}: ${firstLine(error)}`,
      {
        cause: error,
      },
    );
  }
}

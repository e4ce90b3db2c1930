/** Picture files into RGB pixels, within limits that are checked before any raster is allocated. */
import type { FileHandle } from 'node:fs/promises';
import sharp from 'sharp';
import { fileError, SvgT2IError } from '../errors.js';
import { openRegular } from '../regular-file.js';
import { cmykToRgb, toRgb } from './colour.js';
import { type RgbImage, rgbImage } from './rgb-image.js';

export interface DecodeLimits {
  /** Largest file, in bytes. */
  readonly maxBytes?: number;
  /** Largest width times height. */
  readonly maxPixels?: number;
}

export interface DecodeOptions extends DecodeLimits {
  /** Turn the picture upright as its EXIF orientation says (default), or leave the pixels as stored. */
  readonly autoOrient?: boolean;
  /** What messages call the picture. */
  readonly name?: string;
}

export const DEFAULT_MAX_BYTES = 128 * 1024 * 1024;
export const DEFAULT_MAX_PIXELS = 64 * 1024 * 1024;

const DECODE_TIMEOUT_SECONDS = 120;

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif';

/** The format that the first bytes say; undefined for anything we do not hand to a decoder. */
export function sniffImageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  return undefined;
}

/**
 * Reads and decodes a PNG, JPEG, WebP or GIF (first frame) file.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE for a picture that is broken, of another kind or over a limit;
 *   ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO for a file that cannot be read
 */
export async function readImage(path: string, options: DecodeOptions = {}): Promise<RgbImage> {
  const bytes = await readFileBounded(path, options.maxBytes);
  return decodeImage(bytes, { name: path, ...options });
}

/**
 * Decodes the bytes of a PNG, JPEG, WebP or GIF (first frame) file.
 *
 * Transparency is pasted on white; palettes, grey and CMYK become RGB; colour profiles are ignored, as in the original.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  const name = options.name ?? 'picture';
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  if (bytes.length > (options.maxBytes ?? DEFAULT_MAX_BYTES))
    throw tooManyBytes(name, bytes.length, options.maxBytes);
  const format = sniffImageFormat(bytes);
  if (format === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} is no PNG, JPEG, WebP or GIF file`, {
      hint: 'Convert it to PNG or JPEG first.',
    });
  }
  try {
    // Reads the header only.
    const { width, height, space } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (width * height > maxPixels) throw tooManyPixels(name, width, height, maxPixels);
    const decoder = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', ignoreIcc: true });
    if (options.autoOrient ?? true) decoder.autoOrient();
    const isCmyk = space === 'cmyk';
    if (isCmyk) decoder.pipelineColourspace('cmyk');
    const { data, info } = await decoder
      .toColourspace(isCmyk ? 'cmyk' : 'srgb')
      .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = isCmyk ? cmykToRgb(data) : toRgb(data, info.channels, hasTrueAlpha(bytes, format));
    return rgbImage(info.width, info.height, pixels);
  } catch (error) {
    if (SvgT2IError.isInstance(error)) throw error;
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} cannot be decoded: ${decoderReason(error)}`, {
      hint: 'The file is cut, broken or not what its first bytes say.',
      cause: error,
    });
  }
}

/** The decoders' messages run over several lines. */
function decoderReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}

/** A palette's or a colour key's transparency is dropped, as PIL's convert('RGB') does: only real alpha is pasted. */
function hasTrueAlpha(bytes: Uint8Array, format: ImageFormat): boolean {
  if (format !== 'png') return true;
  const colourType = bytes[25] ?? 0;
  return (colourType & 4) !== 0;
}

function tooManyPixels(name: string, width: number, height: number, maxPixels: number): SvgT2IError {
  const [has, may] = [width * height, maxPixels].map((count) => (count / 1e6).toFixed(1));
  return new SvgT2IError(
    'ERR_SVGT2I_IMAGE',
    `${name} has ${width}x${height} pixels (${has} MP), more than ${may} MP`,
    {
      hint: 'Scale it down first.',
    },
  );
}

function tooManyBytes(name: string, size: number, maxBytes = DEFAULT_MAX_BYTES): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} has ${size} bytes, more than the limit of ${maxBytes}`);
}

/**
 * The whole file, or an error as soon as it proves longer than the limit; pipes and devices are refused.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE, ERR_SVGT2I_FILE_FORMAT, ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO
 */
export async function readFileBounded(path: string, maxBytes = DEFAULT_MAX_BYTES): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await openRegular(path);
    const { size } = await file.stat();
    if (size > maxBytes) throw tooManyBytes(path, size, maxBytes);
    const parts: Buffer[] = [];
    let total = 0;
    for await (const part of file.createReadStream({ autoClose: false, end: maxBytes })) {
      total += (part as Buffer).length;
      if (total > maxBytes) throw tooManyBytes(path, total, maxBytes);
      parts.push(part as Buffer);
    }
    return Buffer.concat(parts);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file?.close();
  }
}

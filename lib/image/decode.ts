/** Picture files into RGB pixels, within limits that are checked before any raster is allocated. */
import type { FileHandle } from 'node:fs/promises';
import { checkPath } from '../config/paths.js';
import { DEFAULT_MAX_PIXELS } from '../config/picture.js';
import { bytesSchema, checkArgument } from '../config/values.js';
import { fileError, isError, SvgT2IError } from '../errors.js';
import { openRegular } from '../regular-file.js';
import { cmykToRgb, toRgb } from './colour.js';
import { HEAD_BYTES, IMAGE_FORMATS, type ImageFormat, otherKind, sniffImageFormat } from './format.js';
import { type RgbImage, rgbImage } from './rgb-image.js';
import { loadSharp } from './sharp.js';
import { hasPlainYcbcr } from './tiff-colour.js';

/** What a picture file may cost. */
export interface DecodeLimits {
  /** Largest file, in bytes. */
  readonly maxBytes?: number;
  /** Largest width times height. */
  readonly maxPixels?: number;
}

export interface DecodeOptions extends DecodeLimits {
  /** Turn the picture upright as its EXIF orientation says (default), or leave the pixels as stored. */
  readonly autoOrient?: boolean;
  /** Paste transparent pixels on white (default), or drop the alpha channel as Pillow's convert('RGB') does. */
  readonly alpha?: 'white' | 'drop';
  /** What messages call the picture. */
  readonly name?: string;
}

/** What a picture's file was, of which its pixels no longer tell. */
export interface PictureFacts {
  readonly format: ImageFormat;
  /** Of a sample in the file. */
  readonly bits: 8 | 16;
  /** Some pixels are not opaque. */
  readonly isTransparent: boolean;
}

/** Pixels, and what their file was. */
export interface DecodedPicture {
  readonly image: RgbImage;
  readonly facts: PictureFacts;
}

const DEFAULT_MAX_BYTES = 128 * 1024 * 1024;
/** A file of more pixels than usual may have more bytes: some kinds are not packed. */
const BYTES_A_PIXEL = 4;

const DECODE_TIMEOUT_SECONDS = 120;

/**
 * Reads and decodes a picture file: PNG, JPEG, WebP, GIF (first frame), TIFF (first page) or AVIF. The result is 8-bit RGB,
 * (height, width, 3), upright.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE for a picture that is broken, of another kind or over a limit;
 *   ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO for a file that cannot be read
 *
 * @example
 * const { width, height, data } = await readImage('fox.png');
 */
export async function readImage(path: string | URL, options: DecodeOptions = {}): Promise<RgbImage> {
  return (await readPicture(path, options)).image;
}

/** As readImage, with what the file was. */
export async function readPicture(path: string | URL, options: DecodeOptions = {}): Promise<DecodedPicture> {
  const file = checkPath('path', path);
  const bytes = await readFileBounded(file, maxBytesOf(options));
  return decodePicture(bytes, { name: file, ...options });
}

/**
 * Decodes the bytes of a picture file, of the kinds that readImage takes.
 *
 * Transparency is pasted on white; palettes, grey and CMYK become RGB; colour profiles are ignored, as in the original.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE
 *
 * @example
 * const response = await fetch('https://example.org/fox.png');
 * const picture = await decodeImage(new Uint8Array(await response.arrayBuffer()));
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  checkArgument('bytes', bytesSchema, bytes);
  return (await decodePicture(bytes, options)).image;
}

async function decodePicture(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedPicture> {
  const name = options.name ?? 'picture';
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const maxBytes = maxBytesOf(options);
  if (bytes.length > maxBytes) throw tooManyBytes(name, bytes.length, maxBytes);
  const format = knownFormat(bytes, name);
  const sharp = await loadSharp();
  try {
    // Reads the header only.
    const { width, height, space, depth } = await headerOf(bytes);
    if (width * height > maxPixels) throw tooManyPixels(name, width, height, maxPixels);
    if (format === 'tiff' && hasPlainYcbcr(bytes)) throw plainYcbcr(name);
    if (depth !== undefined && !WHOLE_DEPTHS.has(depth)) throw unusualDepth(name, depth);
    const decoder = sharp(bytes, { limitInputPixels: maxPixels, failOn: FAIL_ON, ignoreIcc: true });
    if (options.autoOrient ?? true) decoder.autoOrient();
    const isCmyk = space === 'cmyk';
    if (isCmyk) decoder.pipelineColourspace('cmyk');
    const { data, info } = await decoder
      .toColourspace(isCmyk ? 'cmyk' : 'srgb')
      .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (isCmyk ? info.channels !== 4 : info.channels > 4) throw tooManyChannels(name, info.channels);
    const isTransparent = !isCmyk && hasTrueAlpha(bytes, format) && isSomewhereOpen(data, info.channels);
    const paste = isTransparent && options.alpha !== 'drop';
    const pixels = isCmyk ? cmykToRgb(data) : toRgb(data, info.channels, paste);
    return {
      image: rgbImage(info.width, info.height, pixels),
      facts: { format, bits: depth === 'ushort' ? 16 : 8, isTransparent },
    };
  } catch (error) {
    if (SvgT2IError.isInstance(error)) throw error;
    throw new UndecodableError(name, error);
  }
}

/**
 * Width and height that readImage would give, from the header alone.
 *
 * @throws SvgT2IError as readImage does, for what the header tells
 */
export async function readImageSize(
  path: string,
  options: Pick<DecodeOptions, 'autoOrient'> = {},
): Promise<{ readonly width: number; readonly height: number }> {
  knownFormat(await readHead(path), path);
  await loadSharp();
  try {
    const { width, height, autoOrient } = await headerOf(path);
    return (options.autoOrient ?? true) ? autoOrient : { width, height };
  } catch (error) {
    throw new UndecodableError(path, error);
  }
}

/**
 * A decoder refused the bytes. Of pictures that are decoded at the same time, libvips gives one the reason of another, or
 * none: its errors go through one buffer for the whole process.
 */
export class UndecodableError extends SvgT2IError {
  constructor(name: string, cause: unknown) {
    const text = isError(cause) ? cause.message : String(cause);
    // The decoders' messages run over several lines.
    const reason = text.replace(/\s+/g, ' ').trim().slice(0, 200);
    const isLost = reason === '' || /unknown error/i.test(reason);
    super('ERR_SVGT2I_IMAGE', `${name} cannot be decoded: ${isLost ? 'cut or broken' : reason}`, {
      hint: 'The file is cut, broken or not what its first bytes say.',
      cause,
    });
  }
}

/** Of header and pixels alike: what a decoder only warns of is read. */
const FAIL_ON = 'error';

async function headerOf(input: string | Uint8Array) {
  const sharp = await loadSharp();
  return await sharp(input, { limitInputPixels: false, failOn: FAIL_ON }).metadata();
}

/** Sample types that have a white of their own. */
const WHOLE_DEPTHS: ReadonlySet<string> = new Set(['uchar', 'ushort']);

function unusualDepth(name: string, depth: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} holds samples of type ${depth}, not of 8 or 16 bits`, {
    hint: 'Convert it to 8 bits first: what is black and what is white is not in the file.',
  });
}

function plainYcbcr(name: string): SvgT2IError {
  return new SvgT2IError(
    'ERR_SVGT2I_IMAGE',
    `${name} is a TIFF of luma and chroma, which is read as JPEG alone`,
    {
      hint: 'Convert it to PNG or JPEG first.',
    },
  );
}

function tooManyChannels(name: string, channels: number): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} has ${channels} channels, more than colour and alpha`, {
    hint: 'Save it without its extra channels.',
  });
}

function knownFormat(bytes: Uint8Array, name: string): ImageFormat {
  if (bytes.length === 0) throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} is empty`);
  const format = sniffImageFormat(bytes);
  if (format !== undefined) return format;
  const kind = otherKind(bytes);
  const is = kind === undefined ? `is no ${IMAGE_FORMATS} file` : `is ${kind}, which is not read`;
  throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} ${is}`, { hint: 'Convert it to PNG or JPEG first.' });
}

/**
 * Whether there is an alpha channel that pastes the picture on white. A PNG's palette and colour key lose their
 * transparency, as in PIL's convert('RGB'); of a GIF libvips keeps no colour there, so that it becomes white, while PIL
 * shows the palette's entry.
 */
function hasTrueAlpha(bytes: Uint8Array, format: ImageFormat): boolean {
  if (format !== 'png') return true;
  const colourType = bytes[25] ?? 0;
  return (colourType & 4) !== 0;
}

/** Whether an alpha channel, the last of 2 or 4, is below 255 anywhere. */
function isSomewhereOpen(data: Uint8Array, channels: number): boolean {
  if (channels !== 2 && channels !== 4) return false;
  for (let at = channels - 1; at < data.length; at += channels) if (data[at] !== 255) return true;
  return false;
}

function maxBytesOf({ maxBytes, maxPixels = 0 }: DecodeLimits): number {
  return maxBytes ?? Math.max(DEFAULT_MAX_BYTES, BYTES_A_PIXEL * maxPixels);
}

function tooManyPixels(name: string, width: number, height: number, maxPixels: number): SvgT2IError {
  const shown = (count: number) => (count < 1e5 ? `${count} pixels` : `${(count / 1e6).toFixed(1)} MP`);
  return new SvgT2IError(
    'ERR_SVGT2I_IMAGE',
    `${name} has ${width}x${height} pixels (${shown(width * height)}), more than ${shown(maxPixels)}`,
    {
      hint: 'Scale it down first, or raise the limit: data.maxPixels of a run, --max-pixels of reconstruct.',
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

/** The first bytes of a file. */
async function readHead(path: string): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await openRegular(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file?.close();
  }
}

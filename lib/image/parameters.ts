/** The parameters that a picture carries: JSON in an iTXt chunk of PNG, in the EXIF description of JPEG and WebP. */
import sharp from 'sharp';
import { firstLine, SvgT2IError } from '../errors.js';
import { sniffImageFormat } from './decode.js';
import { readExifDescription } from './exif-text.js';
import { readPngText } from './png-text.js';

/** Anything that JSON can say; the pipeline decides what a picture remembers. */
export type ImageParameters = Readonly<Record<string, unknown>>;

/** Keyword of the PNG chunk, and what the JSON of an EXIF description starts with. */
export const PARAMETERS_KEYWORD = 'svg-t2i';

/** An EXIF block has 64 KiB at most; the rest of it takes less than this leaves. */
const MAX_EXIF_TEXT = 60_000;

/** JSON in ASCII: EXIF text knows no other characters. */
export function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The EXIF description of a set of parameters.
 *
 * Text too long for EXIF loses the ends of its longest strings, and says so with `"shortened": true`: a picture that
 * took minutes must not be lost for its description.
 */
export function exifDescription(parameters: ImageParameters): string {
  let limit = 8192;
  let text = toAsciiJson({ [PARAMETERS_KEYWORD]: parameters });
  while (text.length > MAX_EXIF_TEXT && limit >= 1) {
    const shortened = { ...shortenStrings(parameters, limit), shortened: true };
    text = toAsciiJson({ [PARAMETERS_KEYWORD]: shortened });
    limit = Math.floor(limit / 2);
  }
  return text.length > MAX_EXIF_TEXT ? toAsciiJson({ [PARAMETERS_KEYWORD]: { shortened: true } }) : text;
}

function shortenStrings(parameters: ImageParameters, limit: number): ImageParameters {
  const entries = Object.entries(parameters).map(([key, value]): [string, unknown] => [
    key,
    typeof value === 'string' ? value.slice(0, limit) : value,
  ]);
  return Object.fromEntries(entries);
}

/**
 * The parameters stored in a PNG, JPEG or WebP by `encodeImage`; undefined where there are none.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE for bytes that are no picture
 */
export async function readParameters(
  bytes: Uint8Array,
  name = 'picture',
): Promise<ImageParameters | undefined> {
  const format = sniffImageFormat(bytes);
  if (format === undefined)
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} is no PNG, JPEG, WebP or GIF file`);
  if (format === 'png') {
    const text = readPngText(bytes, PARAMETERS_KEYWORD);
    return text === undefined ? undefined : parseObject(text);
  }
  const description = readExifDescription((await readExif(bytes, name)) ?? new Uint8Array());
  const stored = description === undefined ? undefined : parseObject(description)?.[PARAMETERS_KEYWORD];
  return isObject(stored) ? stored : undefined;
}

async function readExif(bytes: Uint8Array, name: string): Promise<Uint8Array | undefined> {
  try {
    return (await sharp(bytes, { limitInputPixels: false }).metadata()).exif;
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} cannot be read: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

function isObject(value: unknown): value is ImageParameters {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined for a description that somebody else wrote. */
function parseObject(text: string): ImageParameters | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

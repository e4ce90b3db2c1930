/** The parameters that a picture carries: JSON in a text chunk of PNG, and in the EXIF description of every format. */
import { firstLine, SvgT2IError } from '../errors.js';
import { type ByteSource, bytesSource, withFileSource } from './byte-source.js';
import { readFileBounded } from './decode.js';
import { readExifDescription } from './exif-text.js';
import { exifBlock } from './exif-write.js';
import { IMAGE_FORMATS, sniffImageFormat } from './format.js';
import { infotextOf } from './infotext.js';
import { readJpegExif } from './jpeg-exif.js';
import { readPngTexts } from './png-text.js';
import { loadSharp } from './sharp.js';
import { readWebpExif } from './webp-exif.js';

/** Anything that JSON can say; the pipeline decides what a picture remembers. */
export type ImageParameters = Readonly<Record<string, unknown>>;

/** Keyword of the PNG chunk, and what the JSON of an EXIF description starts with. */
export const PARAMETERS_KEYWORD = 'svg-t2i';

/** An EXIF block of JPEG has 64 KiB at most; its other texts take less than this leaves. */
const MAX_EXIF_TEXT = 40_000;
/** In characters of two bytes each. */
const MAX_EXIF_COMMENT = 12_000;

/** First bytes, of which a format is known. */
const SNIFFED_BYTES = 64;

/** JSON in ASCII: EXIF knows no other characters, and tools that copy a PNG's texts take them for Latin-1. */
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

/** The EXIF block of a set of parameters: for us, and in the place where other tools look for a prompt. */
export function parametersExif(parameters: ImageParameters): Uint8Array {
  return exifBlock({
    description: exifDescription(parameters),
    software: PARAMETERS_KEYWORD,
    userComment: infotextOf(parameters)?.slice(0, MAX_EXIF_COMMENT),
  });
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
 *
 * @example
 * const parameters = await readParameters(await readFile('fox.png'));
 * console.log(parameters?.prompt, parameters?.seed);
 */
export async function readParameters(
  bytes: Uint8Array,
  name = 'picture',
): Promise<ImageParameters | undefined> {
  return parametersIn(bytesSource(bytes), name, async () => bytes);
}

/**
 * As `readParameters`, of a file, of which only what is needed is read.
 *
 * @throws SvgT2IError ERR_SVGT2I_IMAGE, ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO
 */
export async function readFileParameters(path: string): Promise<ImageParameters | undefined> {
  return withFileSource(path, (source) => parametersIn(source, path, () => readFileBounded(path)));
}

/** `readAll` gives the whole picture: of formats that we do not look into ourselves. */
async function parametersIn(
  source: ByteSource,
  name: string,
  readAll: () => Promise<Uint8Array>,
): Promise<ImageParameters | undefined> {
  switch (sniffImageFormat(await source.read(0, SNIFFED_BYTES))) {
    case undefined:
      throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${name} is no ${IMAGE_FORMATS} file`);
    case 'png': {
      const { texts, exif } = await readPngTexts(source, PARAMETERS_KEYWORD);
      for (const text of texts) {
        const stored = parseObject(text);
        if (stored !== undefined) return stored;
      }
      return fromExif(exif);
    }
    case 'jpeg':
      return fromExif(await readJpegExif(source));
    case 'webp':
      return fromExif(await readWebpExif(source));
    default:
      return fromExif(await decoderExif(await readAll(), name));
  }
}

function fromExif(exif: Uint8Array | undefined): ImageParameters | undefined {
  const description = exif === undefined ? undefined : readExifDescription(exif);
  const stored = description === undefined ? undefined : parseObject(description)?.[PARAMETERS_KEYWORD];
  return isObject(stored) ? stored : undefined;
}

async function decoderExif(bytes: Uint8Array, name: string): Promise<Uint8Array | undefined> {
  const sharp = await loadSharp();
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

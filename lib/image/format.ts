/** Kinds of picture files, told by their first bytes: those that are read, and others that have a name. */

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'avif';

/** Endings of the files that are read. */
export const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'] as const;

/** The formats that are read, for messages. */
export const IMAGE_FORMATS = 'PNG, JPEG, WebP, GIF, TIFF or AVIF';

/** Enough for every mark. */
export const HEAD_BYTES = 64;

const MARKS: readonly (readonly [mark: string, format: ImageFormat])[] = [
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['\xff\xd8\xff', 'jpeg'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  // BigTIFF
  ['II+\0', 'tiff'],
  ['MM\0+', 'tiff'],
];

/** The format that the first bytes say; undefined for anything we do not hand to a decoder. */
export function sniffImageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = headOf(bytes);
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp';
  if (brandsOf(head).some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  return MARKS.find(([mark]) => head.startsWith(mark))?.[1];
}

/** Kinds that begin with some bytes. */
const OTHER_MARKS: readonly (readonly [mark: string, name: string])[] = [
  ['BM', 'a BMP picture'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 picture'],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 picture'],
  ['\0\0\0\x0cJXL ', 'a JPEG XL picture'],
  ['\xff\x0a', 'a JPEG XL picture'],
  ['8BPS', 'a Photoshop file'],
  ['\0\0\x01\0', 'an icon'],
  ['v/1\x01', 'an OpenEXR picture'],
  ['#?R', 'a Radiance HDR picture'],
  ['%PDF', 'a PDF file'],
  ['DDS ', 'a DDS texture'],
  ['\x1f\x8b', 'a gzip file'],
  ['PK\x03\x04', 'a zip archive'],
  ['version https://git-lfs', 'a pointer of Git LFS (git lfs pull fetches the file itself)'],
];

/** Kinds that are text. */
const OTHER_TEXTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^P[1-7][\s#]/, 'a PPM, PGM or PBM picture'],
  [/^\s*(?:<\?xml[^>]*>\s*)?<svg/i, 'an SVG drawing'],
  [/^\s*<(?:!doctype )?html/i, 'an HTML page'],
  [/^\s*[{[]/, 'a JSON text'],
];

/** What a file is that is not read; undefined where its first bytes say nothing. */
export function otherKind(bytes: Uint8Array): string | undefined {
  const head = headOf(bytes);
  if (brandsOf(head).some((brand) => /^(hei|hev|mif1|msf1)/.test(brand))) return 'a HEIC picture';
  return (
    OTHER_MARKS.find(([mark]) => head.startsWith(mark))?.[1] ??
    OTHER_TEXTS.find(([pattern]) => pattern.test(head))?.[1]
  );
}

function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1');
}

/** Of the ISO base media container, in which AVIF and HEIC come: the major brand, then the compatible ones. */
function brandsOf(head: string): readonly string[] {
  if (head.slice(4, 8) !== 'ftyp') return [];
  const bytes = Math.min(head.length, Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE());
  const brands = [head.slice(8, 12)];
  for (let at = 16; at + 4 <= bytes; at += 4) brands.push(head.slice(at, at + 4));
  return brands;
}

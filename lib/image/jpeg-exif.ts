/** The EXIF segment of JPEG files (ISO/IEC 10918-1, annex B; Exif 2.32, section 4.5.5). */
import { SvgT2IError } from '../errors.js';
import type { ByteSource } from './byte-source.js';

const EXIF_HEAD = Buffer.from('Exif\0\0', 'latin1');
const JFIF_HEAD = Buffer.from('JFIF\0', 'latin1');
const MARKER = { soi: 0xd8, eoi: 0xd9, sos: 0xda, app0: 0xe0, app1: 0xe1 } as const;
/** A segment's length counts its own two bytes. */
export const MAX_JPEG_EXIF_BYTES = 65_535 - 2 - EXIF_HEAD.length;
/** A file of more segments is not looked at to its end. */
const MAX_SEGMENTS = 10_000;

/** A JPEG with an EXIF segment at its beginning, and without a claim to dots per inch. */
export function insertJpegExif(jpeg: Uint8Array, exif: Uint8Array): Buffer {
  const bytes = Buffer.from(jpeg);
  if (bytes[0] !== 0xff || bytes[1] !== MARKER.soi) {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', 'the picture does not start as a JPEG');
  }
  const head = Buffer.from([0xff, MARKER.app1, 0, 0]);
  head.writeUInt16BE(2 + EXIF_HEAD.length + exif.length, 2);
  // Behind JFIF's own segment, which must be the first.
  const at = jfifEnd(bytes);
  return Buffer.concat([bytes.subarray(0, at), head, EXIF_HEAD, exif, bytes.subarray(at)]);
}

/** A JPEG whose JFIF segment tells the shape of a pixel alone, and no number of them per inch. */
export function withoutJpegDensity(jpeg: Uint8Array): Buffer {
  const bytes = Buffer.from(jpeg);
  if (jfifEnd(bytes) > 2) bytes.set([0, 0, 1, 0, 1], 2 + 4 + JFIF_HEAD.length + 2);
  return bytes;
}

/** Where the JFIF segment ends; 2, behind the start marker, where there is none. */
function jfifEnd(bytes: Buffer): number {
  const isJfif = bytes[2] === 0xff && bytes[3] === MARKER.app0 && bytes.subarray(6, 11).equals(JFIF_HEAD);
  return isJfif && bytes.length >= 20 ? 4 + bytes.readUInt16BE(4) : 2;
}

/** The EXIF block of a JPEG, from its byte order mark on; undefined where there is none that is whole. */
export async function readJpegExif(source: ByteSource): Promise<Buffer | undefined> {
  let at = 2;
  for (let i = 0; i < MAX_SEGMENTS; i++) {
    const head = await source.read(at, 4);
    if (head.length < 4 || head[0] !== 0xff) return undefined;
    const marker = head[1];
    // Bytes that fill up before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === MARKER.sos || marker === MARKER.eoi) return undefined;
    const length = head.readUInt16BE(2);
    if (length < 2) return undefined;
    if (marker === MARKER.app1 && length - 2 > EXIF_HEAD.length) {
      const data = await source.read(at + 4, length - 2);
      if (data.length < length - 2) return undefined;
      if (data.subarray(0, EXIF_HEAD.length).equals(EXIF_HEAD)) return data.subarray(EXIF_HEAD.length);
    }
    at += 2 + length;
  }
  return undefined;
}

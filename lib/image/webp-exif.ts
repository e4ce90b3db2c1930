/** The EXIF chunk of WebP files (RFC 9649, section 2.7). */
import { SvgT2IError } from '../errors.js';
import type { ByteSource } from './byte-source.js';

const RIFF_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
/** Bit of the features in a VP8X chunk. */
const HAS_EXIF = 0x08;
const MAX_EXIF_BYTES = 4 * 1024 * 1024;
/** A file of more chunks is not looked at to its end. */
const MAX_CHUNKS = 10_000;

/** A WebP of one frame without transparency, with an EXIF chunk at its end. */
export function insertWebpExif(
  webp: Uint8Array,
  exif: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Buffer {
  const bytes = Buffer.from(webp.buffer, webp.byteOffset, webp.byteLength);
  const first = bytes.toString('latin1', RIFF_BYTES, RIFF_BYTES + 4);
  if (first !== 'VP8 ' && first !== 'VP8L') {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', 'the picture is no plain WebP');
  }
  const canvas = Buffer.alloc(10);
  canvas[0] = HAS_EXIF;
  canvas.writeUIntLE(width - 1, 4, 3);
  canvas.writeUIntLE(height - 1, 7, 3);
  const body = [chunk('VP8X', canvas), bytes.subarray(RIFF_BYTES), chunk('EXIF', exif)];
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(4 + body.reduce((sum, part) => sum + part.length, 0), 4);
  return Buffer.concat([head, ...body]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(CHUNK_HEAD_BYTES);
  head.write(type, 'latin1');
  head.writeUInt32LE(data.length, 4);
  // Chunks begin at even places.
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

/** The EXIF block of a WebP, with or without JPEG's "Exif" in front; undefined where there is none that is whole. */
export async function readWebpExif(source: ByteSource): Promise<Buffer | undefined> {
  let at = RIFF_BYTES;
  for (let i = 0; i < MAX_CHUNKS; i++) {
    const head = await source.read(at, CHUNK_HEAD_BYTES);
    if (head.length < CHUNK_HEAD_BYTES) return undefined;
    const length = head.readUInt32LE(4);
    if (head.toString('latin1', 0, 4) === 'EXIF') {
      if (length > MAX_EXIF_BYTES) return undefined;
      const data = await source.read(at + CHUNK_HEAD_BYTES, length);
      return data.length === length ? data : undefined;
    }
    at += CHUNK_HEAD_BYTES + length + (length % 2);
  }
  return undefined;
}

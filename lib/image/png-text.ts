/** Text chunks of PNG files (PNG specification, third edition, section 11.3.3). */
import { crc32, inflateSync } from 'node:zlib';
import { SvgT2IError } from '../errors.js';

const SIGNATURE_BYTES = 8;
/** Length, type and CRC around the data of a chunk. */
const CHUNK_OVERHEAD = 12;
/** An inflated text above this size is no set of parameters. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
  readonly end: number;
}

/** A PNG with one more iTXt chunk (UTF-8, not compressed), right behind its header. */
export function insertPngText(png: Uint8Array, keyword: string, text: string): Buffer {
  const header = nextChunk(png, SIGNATURE_BYTES);
  if (header?.type !== 'IHDR')
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', 'the picture does not start as a PNG');
  // keyword, end, no compression, method 0, no language, no translated keyword, text
  const data = Buffer.concat([Buffer.from(keyword, 'latin1'), Buffer.alloc(5), Buffer.from(text, 'utf8')]);
  return Buffer.concat([png.subarray(0, header.end), encodeChunk('iTXt', data), png.subarray(header.end)]);
}

function encodeChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(data.length + CHUNK_OVERHEAD);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

/** The text of a keyword in an iTXt, zTXt or tEXt chunk; undefined where there is none that is whole. */
export function readPngText(png: Uint8Array, keyword: string): string | undefined {
  let at = SIGNATURE_BYTES;
  for (let chunk = nextChunk(png, at); chunk !== undefined; chunk = nextChunk(png, at)) {
    const text = chunkText(chunk, keyword);
    if (text !== undefined) return text;
    at = chunk.end;
  }
  return undefined;
}

/** The chunk at an offset, or undefined at the end of the file or where the rest is no whole chunk. */
function nextChunk(png: Uint8Array, at: number): Chunk | undefined {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  if (at + CHUNK_OVERHEAD > bytes.length) return undefined;
  const length = bytes.readUInt32BE(at);
  const end = at + CHUNK_OVERHEAD + length;
  if (end > bytes.length) return undefined;
  return { type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, end - 4), end };
}

function chunkText({ type, data }: Chunk, keyword: string): string | undefined {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return undefined;
  const end = data.indexOf(0);
  if (end < 0 || data.toString('latin1', 0, end) !== keyword) return undefined;
  if (type === 'tEXt') return data.toString('latin1', end + 1);
  if (type === 'zTXt') return inflated(data.subarray(end + 2))?.toString('latin1');
  const compressed = data[end + 1] === 1;
  const languageEnd = data.indexOf(0, end + 3);
  const translatedEnd = languageEnd < 0 ? -1 : data.indexOf(0, languageEnd + 1);
  if (translatedEnd < 0) return undefined;
  const text = data.subarray(translatedEnd + 1);
  return (compressed ? inflated(text) : text)?.toString('utf8');
}

/** undefined for a stream that is broken or larger than any set of parameters. */
function inflated(data: Buffer): Buffer | undefined {
  try {
    return inflateSync(data, { maxOutputLength: MAX_TEXT_BYTES });
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

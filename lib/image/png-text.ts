/** Chunks of PNG files (PNG specification, third edition, chapter 11): texts, EXIF, and leaving some out. */
import { crc32, inflateSync } from 'node:zlib';
import { isError, SvgT2IError } from '../errors.js';
import type { ByteSource } from './byte-source.js';

const SIGNATURE_BYTES = 8;
/** Length, type and CRC around the data of a chunk. */
const CHUNK_OVERHEAD = 12;
/** A text above this size, inflated or not, is no set of parameters. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** A file of more chunks is not looked at to its end. */
const MAX_CHUNKS = 100_000;

export interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
}

/** Length, place and type of a chunk; its data are read where they are wanted. */
interface ChunkHead {
  readonly type: string;
  readonly start: number;
  readonly length: number;
}

/** A text chunk: tEXt where Latin-1 can say it, which every tool reads, and iTXt (UTF-8, not compressed) elsewhere. */
export function pngTextChunk(keyword: string, text: string): PngChunk {
  // A NUL would end the text.
  const whole = text.replaceAll('\0', '');
  if (/^[\n -~\u00a0-\u00ff]*$/.test(whole)) {
    return { type: 'tEXt', data: Buffer.from(`${keyword}\0${whole}`, 'latin1') };
  }
  // keyword, end, no compression, method 0, no language, no translated keyword, text
  const head = Buffer.concat([Buffer.from(keyword, 'latin1'), Buffer.alloc(5)]);
  return { type: 'iTXt', data: Buffer.concat([head, Buffer.from(whole, 'utf8')]) };
}

/** A PNG with more chunks right behind its header, and without those of the types to leave out. */
export function insertPngChunks(
  png: Uint8Array,
  chunks: readonly PngChunk[],
  leaveOut: readonly string[] = [],
): Buffer {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const header = headAt(bytes, SIGNATURE_BYTES);
  if (header?.type !== 'IHDR') {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', 'the picture does not start as a PNG');
  }
  const parts = [bytes.subarray(0, endOf(header)), ...chunks.map(encodeChunk)];
  let at = endOf(header);
  for (let head = headAt(bytes, at); head !== undefined; head = headAt(bytes, at)) {
    if (!leaveOut.includes(head.type)) parts.push(bytes.subarray(at, endOf(head)));
    at = endOf(head);
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}

function encodeChunk({ type, data }: PngChunk): Buffer {
  const chunk = Buffer.alloc(data.length + CHUNK_OVERHEAD);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

/** The chunk at an offset, or undefined at the end of the file or where the rest is no whole chunk. */
function headAt(bytes: Buffer, at: number): ChunkHead | undefined {
  return at + CHUNK_OVERHEAD > bytes.length ? undefined : parseHead(bytes.subarray(at), at, bytes.length);
}

function parseHead(head: Buffer, at: number, size: number): ChunkHead | undefined {
  const length = head.readUInt32BE(0);
  if (at + CHUNK_OVERHEAD + length > size) return undefined;
  return { type: head.toString('latin1', 4, 8), start: at + 8, length };
}

function endOf({ start, length }: ChunkHead): number {
  return start + length + 4;
}

/** What a PNG carries beside its pixels. */
export interface PngTexts {
  /** The texts of the keyword in whole iTXt, zTXt and tEXt chunks. */
  readonly texts: readonly string[];
  /** The data of its eXIf chunk. */
  readonly exif: Buffer | undefined;
}

/** The texts of a keyword and the EXIF block, wherever they stand. */
export async function readPngTexts(source: ByteSource, keyword: string): Promise<PngTexts> {
  const texts: string[] = [];
  let exif: Buffer | undefined;
  let at = SIGNATURE_BYTES;
  for (let i = 0; i < MAX_CHUNKS && at + CHUNK_OVERHEAD <= source.size; i++) {
    const head = parseHead(await source.read(at, 8), at, source.size);
    if (head === undefined) break;
    at = endOf(head);
    if (head.length > MAX_TEXT_BYTES) continue;
    if (TEXT_TYPES.has(head.type)) {
      const text = chunkText(head.type, await source.read(head.start, head.length), keyword);
      if (text !== undefined) texts.push(text);
    } else if (head.type === 'eXIf') exif ??= await source.read(head.start, head.length);
  }
  return { texts, exif };
}

const TEXT_TYPES: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt']);

function chunkText(type: string, data: Buffer, keyword: string): string | undefined {
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
    if (isError(error)) return undefined;
    throw error;
  }
}

/** The bytes of a list of pictures: read piece by piece, checked to be UTF-8, hashed on the way. */
import { isUtf8 } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { characterBytes, firstBadByte, notUtf8 } from '../utf8.js';

const READ_BYTES = 1024 * 1024;
/** Of one character, less its first. */
const MAX_REST_BYTES = 3;

export interface Piece {
  readonly offset: number;
  /** Valid until the next piece is asked for. */
  readonly bytes: Uint8Array;
}

/** The bytes from the start to `end`, or to the end of the file. */
export async function* piecesOf(file: FileHandle, end = Number.POSITIVE_INFINITY): AsyncGenerator<Piece> {
  const buffer = Buffer.alloc(READ_BYTES);
  let offset = 0;
  while (offset < end) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, end - offset), offset);
    if (bytesRead === 0) return;
    yield { offset, bytes: buffer.subarray(0, bytesRead) };
    offset += bytesRead;
  }
}

export async function readRange(file: FileHandle, begin: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - begin);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, begin);
  return buffer.subarray(0, bytesRead);
}

/** Line of a byte, from 1. */
export async function lineOf(file: FileHandle, offset: number): Promise<number> {
  let line = 1;
  for await (const { bytes } of piecesOf(file, offset)) {
    for (const byte of bytes) if (byte === 0x0a) line++;
  }
  return line;
}

/** Goes over a whole list once. */
export class ListReader {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #hash: Hash = createHash('sha256');

  constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with line and byte of what is no UTF-8 */
  async *pieces(): AsyncGenerator<Piece> {
    let rest: Uint8Array = new Uint8Array(0);
    for await (const piece of piecesOf(this.#file)) {
      this.#hash.update(piece.bytes);
      const joined = rest.length === 0 ? piece.bytes : Buffer.concat([rest, piece.bytes]);
      const whole = joined.length - cutCharacter(joined);
      if (!isUtf8(joined.subarray(0, whole))) await this.#refuse(piece.offset - rest.length, joined);
      // A copy: the piece's own bytes are overwritten.
      rest = Uint8Array.from(joined.subarray(whole));
      yield piece;
    }
    if (rest.length > 0) {
      const { size } = await this.#file.stat();
      await this.#refuse(size - rest.length, rest);
    }
  }

  /** Of all that was read. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  async #refuse(offset: number, bytes: Uint8Array): Promise<never> {
    const at = offset + firstBadByte(bytes);
    const line = await lineOf(this.#file, at);
    const [byte = 0] = await readRange(this.#file, at, at + 1);
    throw notUtf8(this.#path, { line, at, byte });
  }
}

/** Bytes at the end that may begin a character which goes on in the next piece. */
function cutCharacter(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(MAX_REST_BYTES, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte >= 0xc0) return characterBytes(byte) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

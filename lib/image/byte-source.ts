/** A file, or bytes in memory, of which a few places are read. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileError, SvgT2IError } from '../errors.js';

/** What is read from a file at a time: most pictures say all within it. */
const BLOCK_BYTES = 64 * 1024;

export interface ByteSource {
  readonly size: number;
  /** `length` bytes from `at`; fewer where the source ends before. */
  read(at: number, length: number): Promise<Buffer>;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    size: buffer.length,
    read: async (at, length) => buffer.subarray(at, at + length),
  };
}

/**
 * What `look` makes of an open file.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO; ERR_SVGT2I_IMAGE for what is no regular file
 */
export async function withFileSource<Result>(
  path: string,
  look: (source: ByteSource) => Promise<Result>,
): Promise<Result> {
  let file: FileHandle;
  try {
    // A pipe without a writer must not be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  try {
    const entry = await file.stat();
    if (!entry.isFile()) throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${path} is no regular file`);
    return await look(new FileSource(file, path, entry.size));
  } finally {
    await file.close();
  }
}

/** Keeps the block that was read last. */
class FileSource implements ByteSource {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #path: string;
  #block: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.size = size;
  }

  async read(at: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.size - at);
    if (wanted <= 0) return Buffer.alloc(0);
    if (wanted > BLOCK_BYTES) return this.#fetch(at, wanted);
    if (at < this.#start || at + wanted > this.#start + this.#block.length) {
      this.#block = await this.#fetch(at, Math.min(BLOCK_BYTES, this.size - at));
      this.#start = at;
    }
    return this.#block.subarray(at - this.#start, at - this.#start + wanted);
  }

  async #fetch(at: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    let done = 0;
    try {
      while (done < length) {
        const { bytesRead } = await this.#file.read(bytes, done, length - done, at + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
    } catch (error) {
      throw fileError(error, 'read', this.#path);
    }
    return bytes.subarray(0, done);
  }
}

/** How the bytes of an npz's members are read: the zip around the arrays, with every length and checksum held to. */
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import * as yauzl from 'yauzl';
import { throwIfAborted } from '../abort.js';
import { type ErrorDetails, fileError, firstLine, SvgT2IError, systemErrorCode } from '../errors.js';
import { openRegular } from '../regular-file.js';

/** deflate packs no byte into less than this part of one. */
const MAX_DEFLATE_RATIO = 1032;
const DEFLATED = 8;
/** No npz of arrays has as many. */
const MAX_MEMBERS = 10_000;

/** What is wrong with a member of an npz: ERR_SVGT2I_FILE_FORMAT. */
export class NpzError extends SvgT2IError {
  /** Without `.npy`. */
  readonly member: string;
  /** Goes on from the member's name: "is damaged". */
  readonly reason: string;

  constructor(path: string, member: string, reason: string, details: ErrorDetails = {}) {
    const name = member.replace(/\.npy$/, '');
    super('ERR_SVGT2I_FILE_FORMAT', `${path}: ${name} ${reason}`, details);
    this.member = name;
    this.reason = reason;
  }
}

/** A zip file that stays open; names are those of its members, with `.npy`. */
export class ZipMembers {
  readonly path: string;
  readonly #zip: yauzl.ZipFile;
  readonly #entries: ReadonlyMap<string, yauzl.Entry>;

  private constructor(path: string, zip: yauzl.ZipFile, entries: ReadonlyMap<string, yauzl.Entry>) {
    this.path = path;
    this.#zip = zip;
    this.#entries = entries;
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for what is no whole zip file, ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO */
  static async open(path: string): Promise<ZipMembers> {
    // A pipe would be waited for.
    await (await openRegular(path)).close();
    let zip: yauzl.ZipFile | undefined;
    try {
      zip = await yauzl.openPromise(path, { autoClose: false });
      if (zip.entryCount > MAX_MEMBERS) {
        throw new Error(`${zip.entryCount} members are more than any npz has`);
      }
      const entries = new Map<string, yauzl.Entry>();
      for await (const entry of zip.eachEntry()) {
        // Two readers may take two of them.
        if (entries.has(entry.fileName)) throw new Error(`two members are called ${entry.fileName}`);
        entries.set(entry.fileName, entry);
      }
      return new ZipMembers(path, zip, entries);
    } catch (error) {
      zip?.close();
      if (systemErrorCode(error) !== undefined) throw fileError(error, 'read', path);
      throw new SvgT2IError(
        'ERR_SVGT2I_FILE_FORMAT',
        `${path} is no whole npz (zip) file: ${firstLine(error)}`,
        {
          hint: 'It may be cut off, or be something else: fetch or write it again.',
          cause: error,
        },
      );
    }
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Unpacked bytes of a member, which no member of this size in the file can promise falsely. */
  bytesOf(name: string): number {
    const entry = this.#entry(name);
    const { compressedSize, uncompressedSize, compressionMethod } = entry;
    const most = compressionMethod === DEFLATED ? compressedSize * MAX_DEFLATE_RATIO + 64 : compressedSize;
    if (compressedSize <= this.#zip.fileSize && uncompressedSize <= most) return uncompressedSize;
    const reason = `promises ${uncompressedSize} bytes, more than ${compressedSize} packed ones can hold`;
    throw new NpzError(this.path, name, reason);
  }

  /** The first bytes of a member, at most so many. */
  async head(name: string, length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let have = 0;
    for await (const part of this.read(name)) {
      parts.push(part);
      have += part.length;
      if (have >= length) break;
    }
    return Buffer.concat(parts).subarray(0, length);
  }

  /**
   * A member's bytes, unpacked; who reads to the end has them checked against the directory's length and checksum.
   *
   * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT, ERR_SVGT2I_IO; the reason of the signal
   */
  async *read(name: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const entry = this.#entry(name);
    const size = this.bytesOf(name);
    let [sum, done] = [0, 0];
    for await (const part of this.#stream(name, () => this.#zip.openReadStreamPromise(entry))) {
      throwIfAborted(signal);
      sum = crc32(part, sum);
      done += part.length;
      yield part;
    }
    if (done !== size) throw new NpzError(this.path, name, `ends after ${done} of ${size} bytes`);
    if (sum !== entry.crc32) {
      throw new NpzError(this.path, name, 'is damaged: its checksum (CRC-32) does not fit');
    }
  }

  /** Bytes `start` to `end` of a member; undefined for one that must be unpacked from its beginning. Nothing is summed up. */
  range(name: string, start: number, end: number): AsyncGenerator<Buffer> | undefined {
    const entry = this.#entry(name);
    if (entry.compressionMethod !== 0) return undefined;
    this.bytesOf(name);
    return this.#stream(name, () => this.#zip.openReadStreamPromise(entry, { start, end }));
  }

  close(): void {
    if (this.#zip.isOpen) this.#zip.close();
  }

  #entry(name: string): yauzl.Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new NpzError(this.path, name, 'is not there');
    return entry;
  }

  async *#stream(name: string, open: () => Promise<Readable>): AsyncGenerator<Buffer> {
    let stream: Readable | undefined;
    try {
      stream = await open();
      for await (const part of stream) yield part as Buffer;
    } catch (error) {
      if (/^E[A-Z]+$/.test(systemErrorCode(error) ?? '')) throw fileError(error, 'read', this.path);
      throw new NpzError(this.path, name, `cannot be unpacked: ${firstLine(error)}`, { cause: error });
    } finally {
      stream?.destroy();
    }
  }
}

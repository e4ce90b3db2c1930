/** Reading npz files, as numpy and the scorers write them: arrays by name, whole or in parts, with nothing taken on trust. */
import { throwIfAborted } from '../abort.js';
import { SvgT2IError } from '../errors.js';
import { itemBytes, type NpyData, type NpyDtype, swapBytes, viewAs } from './dtypes.js';
import { gatherRows } from './fortran.js';
import { NpzError, ZipMembers } from './members.js';
import { HEAD_BYTES, type NpyHeader, NpyHeaderError, parseNpyHeader } from './npy-header.js';

export interface NpyArray {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** In C order: the last index runs fastest. */
  readonly data: NpyData;
}

export interface NpzMember {
  /** Without `.npy`. */
  readonly name: string;
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** Of its values. */
  readonly bytes: number;
}

/** Of an array that is read whole. */
const MAX_WHOLE_BYTES = 1024 ** 3;
/** Of rows that are given at a time, where the reader does not say. */
const PART_BYTES = 8 * 1024 * 1024;
/** In fortran order the rows lie scattered over the whole member: so many bytes of them are collected in one pass. */
const PASS_BYTES = 256 * 1024 * 1024;

export interface RowsOptions {
  /** First row, and the one behind the last; all of them where not said. */
  readonly from?: number;
  readonly to?: number;
  /** Rows of one part; where not said, some 8 MB. */
  readonly rowsAtOnce?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens an npz file. Only its directory is read; each array is checked when it is asked for.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for what is no whole zip file, ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO
 *
 * @example
 * await using file = await openNpz('VIRTUAL_imagenet256_labeled.npz');
 * const { data } = await file.read('mu');
 * for await (const { shape, data } of file.rows('arr_0')) console.log(shape, data.length);
 */
export async function openNpz(path: string): Promise<NpzFile> {
  return new NpzFile(await ZipMembers.open(path));
}

/** An npz file that is open. */
export class NpzFile {
  readonly path: string;
  readonly #zip: ZipMembers;
  readonly #headers = new Map<string, NpyHeader>();

  constructor(zip: ZipMembers) {
    this.path = zip.path;
    this.#zip = zip;
  }

  /** Of its arrays, in the order of the file. */
  get names(): readonly string[] {
    return this.#zip.names
      .filter((name) => name.endsWith('.npy'))
      .map((name) => name.slice(0, -'.npy'.length));
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /**
   * What an array is, by its header; the file holds as many bytes as that promises.
   *
   * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT: no such array, pickled objects, a type that is not read, a header that is
   *   none or promises other bytes than there are
   */
  async member(name: string): Promise<NpzMember> {
    const { dtype, shape, dataBytes } = await this.#header(name);
    return { name, dtype, shape, bytes: dataBytes };
  }

  /**
   * A whole array.
   *
   * @throws SvgT2IError as member(), for a checksum that does not fit, and above 1 GiB, which is for rows()
   */
  async read(
    name: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<NpyArray> {
    const header = await this.#header(name);
    const { dtype, shape, dataBytes } = header;
    if (dataBytes > MAX_WHOLE_BYTES) {
      throw new NpzError(this.path, name, `has ${dataBytes} bytes, too many to be read at once`);
    }
    if (header.isFortran && shape.length > 1) {
      const all = { from: 0, to: shape[0] ?? 0 };
      const buffer = await gatherRows(this.#values(name, header, signal), header, all);
      return { dtype, shape, data: viewAs(dtype, buffer) };
    }
    const bytes = newBytes(dataBytes);
    let at = 0;
    for await (const part of this.#values(name, header, signal)) at += part.copy(bytes, at);
    return { dtype, shape, data: toData(dtype, header.isBigEndian, bytes) };
  }

  /**
   * The rows (first index) of an array in parts, one after the other. Memory holds one part, however long the array is;
   * in fortran order the file is read once for each 256 MB of rows. The checksum is held to where all rows are read.
   *
   * @throws SvgT2IError as member(); ERR_SVGT2I_INVALID_ARGUMENT for rows that are not there
   */
  async *rows(name: string, options: RowsOptions = {}): AsyncGenerator<NpyArray> {
    const header = await this.#header(name);
    const { dtype, shape } = header;
    const [count = 0, ...sides] = shape;
    const { from = 0, to = count, signal } = options;
    if (shape.length === 0 || !(from >= 0 && from <= to && to <= count)) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `rows ${from} to ${to} of ${name} in ${this.path}, which has ${count}`,
      );
    }
    const rowBytes = sides.reduce((product, side) => product * side, itemBytes(dtype));
    if (rowBytes === 0) return;
    const rowsAtOnce = Math.max(1, options.rowsAtOnce ?? Math.floor(PART_BYTES / rowBytes));
    const rows = { from, to, rowBytes, rowsAtOnce, signal };
    const isScattered = header.isFortran && sides.length > 0;
    const parts = isScattered
      ? this.#scatteredRows(name, header, rows)
      : this.#rowsInOrder(name, header, rows);
    for await (const bytes of parts) {
      const data = toData(dtype, header.isBigEndian && !isScattered, bytes);
      yield { dtype, shape: [bytes.length / rowBytes, ...sides], data };
    }
  }

  /** Closes the file. */
  async close(): Promise<void> {
    this.#zip.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #header(name: string): Promise<NpyHeader> {
    const known = this.#headers.get(name);
    if (known !== undefined) return known;
    if (!this.has(name)) {
      throw new NpzError(this.path, name, `is not there; it holds ${this.names.join(', ') || 'no array'}`);
    }
    const file = `${name}.npy`;
    const bytes = this.#zip.bytesOf(file);
    const header = this.#parse(name, await this.#zip.head(file, HEAD_BYTES));
    const has = bytes - header.headerBytes;
    // Before anything of that size is asked for.
    if (has !== header.dataBytes) {
      const shape = `(${header.shape.join(', ')})`;
      const needs = `its shape ${shape} of ${header.dtype} needs ${header.dataBytes}`;
      throw new NpzError(this.path, name, `holds ${has} bytes, ${needs}`);
    }
    this.#headers.set(name, header);
    return header;
  }

  #parse(name: string, head: Buffer): NpyHeader {
    try {
      return parseNpyHeader(head);
    } catch (error) {
      if (error instanceof NpyHeaderError)
        throw new NpzError(this.path, name, error.message, { cause: error });
      throw error;
    }
  }

  /** The bytes behind the header, to the end. */
  async *#values(name: string, header: NpyHeader, signal?: AbortSignal): AsyncGenerator<Buffer> {
    let skip = header.headerBytes;
    for await (const part of this.#zip.read(`${name}.npy`, signal)) {
      if (part.length > skip) yield part.subarray(skip);
      skip = Math.max(0, skip - part.length);
    }
  }

  /**
   * Rows that lie one behind the other, as bytes of parts. The last part is held back until its source has ended: whoever
   * has all rows never asks for more, and the checksum is compared behind them.
   */
  async *#rowsInOrder(name: string, header: NpyHeader, rows: Rows): AsyncGenerator<Buffer<ArrayBuffer>> {
    const { from, to, rowBytes, rowsAtOnce, signal } = rows;
    let left = (to - from) * rowBytes;
    let part = newBytes(Math.min(left, rowsAtOnce * rowBytes));
    let filled = 0;
    for await (let bytes of this.#bytesOfRows(name, header, rows)) {
      throwIfAborted(signal);
      while (bytes.length > 0 && filled < part.length) {
        const taken = bytes.copy(part, filled);
        bytes = bytes.subarray(taken);
        filled += taken;
        if (filled < part.length || part.length === left) continue;
        yield part;
        left -= part.length;
        [part, filled] = [newBytes(Math.min(left, rowsAtOnce * rowBytes)), 0];
      }
    }
    if (filled < left) {
      throw new NpzError(this.path, name, `ends ${left - filled} bytes before the end of its rows`);
    }
    if (left > 0) yield part;
  }

  /** All rows are read through the checksum; some of them where they lie, if they are not packed. */
  async *#bytesOfRows(
    name: string,
    header: NpyHeader,
    { from, to, rowBytes, signal }: Rows,
  ): AsyncGenerator<Buffer> {
    const [start, end] = [from * rowBytes, to * rowBytes];
    const isWhole = end - start === header.dataBytes;
    const { headerBytes } = header;
    const range = isWhole
      ? undefined
      : this.#zip.range(`${name}.npy`, headerBytes + start, headerBytes + end);
    if (range !== undefined) {
      yield* range;
      return;
    }
    let at = 0;
    for await (const part of this.#values(name, header, signal)) {
      const inner = part.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += part.length;
      if (inner.length > 0) yield inner;
      if (at >= end && !isWhole) return;
    }
  }

  async *#scatteredRows(name: string, header: NpyHeader, rows: Rows): AsyncGenerator<Buffer<ArrayBuffer>> {
    const { from, to, rowBytes, rowsAtOnce, signal } = rows;
    const inPass = Math.max(rowsAtOnce, Math.floor(PASS_BYTES / Math.max(1, rowBytes)));
    for (let start = from; start < to; start += inPass) {
      const end = Math.min(to, start + inPass);
      const gathered = await gatherRows(this.#values(name, header, signal), header, { from: start, to: end });
      for (let row = 0; row < end - start; row += rowsAtOnce) {
        const last = Math.min(end - start, row + rowsAtOnce);
        const part = newBytes((last - row) * rowBytes);
        part.set(new Uint8Array(gathered, row * rowBytes, part.length));
        yield part;
      }
    }
  }
}

interface Rows {
  readonly from: number;
  readonly to: number;
  readonly rowBytes: number;
  readonly rowsAtOnce: number;
  readonly signal: AbortSignal | undefined;
}

/** A buffer that is nobody else's, so that values of every size begin where they may. */
function newBytes(length: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(length));
}

/** Bytes of a file, which begin a buffer of their own, as values. */
function toData(dtype: NpyDtype, isBigEndian: boolean, bytes: Buffer<ArrayBuffer>): NpyData {
  if (isBigEndian) swapBytes(bytes, itemBytes(dtype));
  return viewAs(dtype, bytes.buffer);
}

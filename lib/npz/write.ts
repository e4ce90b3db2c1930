/**
 * Writing npz files byte for byte as numpy's savez does: stored, npy format 1.0, sizes in every local header (as zip64),
 * so that readers that go through a file from its beginning take it too. Arrays may come in parts; the checksum, which
 * alone is not known before, is entered behind them.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { throwIfAborted } from '../abort.js';
import { SvgT2IError } from '../errors.js';
import { replaceFileWith } from '../files.js';
import { itemBytes, type NpyDtype, type NpyValues } from './dtypes.js';
import { npyHeader } from './npy-header.js';

/** An array that is written. */
export interface NpzOutput {
  /** Without `.npy`. */
  readonly name: string;
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** In C order: all values, or their bytes (little-endian) in parts of any length. */
  readonly data: NpyValues | AsyncIterable<Uint8Array>;
}

const LARGEST_32 = 0xffffffff;
/** Where numpy's zipfile draws the line, 2 GiB less one byte. */
const ZIP64_FROM = 0x7fffffff;
const VERSION_ZIP64 = 45;
const UNIX = 3;
/** 1980-01-01, the first day that zip knows: the same content gives the same file. */
const FIRST_DAY = 0x21;
const MODE = 0o600;
/** Of the checksum, from the beginning of a local header. */
const CRC_OFFSET = 14;

interface Written {
  readonly name: Buffer;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * Writes an npz file: beside `path`, then renamed, so that it is there whole or not at all.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO, ERR_SVGT2I_DISK_FULL; ERR_SVGT2I_INVALID_ARGUMENT where an array has other bytes than
 *   its shape says; the reason of the signal; what the parts of an array throw
 *
 * @example
 * await writeNpz('stats.npz', [
 *   { name: 'mu', dtype: 'float64', shape: [2048], data: mu },
 *   { name: 'sigma', dtype: 'float64', shape: [2048, 2048], data: sigma },
 * ]);
 */
export async function writeNpz(
  path: string,
  arrays: readonly NpzOutput[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  try {
    await replaceFileWith(path, (file) => writeAll(file, arrays, signal), { isDurable: true });
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

async function writeAll(
  file: FileHandle,
  arrays: readonly NpzOutput[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const written: Written[] = [];
  let at = 0;
  for (const array of arrays) {
    const one = await writeArray(file, array, at, signal);
    written.push(one);
    at = one.offset + localHeader(one).length + one.size;
  }
  await file.appendFile(endOfZip(written, at));
}

async function writeArray(
  file: FileHandle,
  { name, dtype, shape, data }: NpzOutput,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<Written> {
  const header = npyHeader(dtype, shape);
  const dataBytes = shape.reduce((product, side) => product * side, itemBytes(dtype));
  const entry = { name: Buffer.from(`${name}.npy`), size: header.length + dataBytes, offset };
  await file.appendFile(Buffer.concat([localHeader({ ...entry, crc: 0 }), header]));
  let [crc, done] = [crc32(header), 0];
  for await (const part of ArrayBuffer.isView(data) ? [bytesOf(data)] : data) {
    throwIfAborted(signal);
    // Node's crc32 forgets the sum over no bytes.
    if (part.length === 0) continue;
    crc = crc32(part, crc);
    done += part.length;
    if (done > dataBytes) break;
    await file.appendFile(part);
  }
  if (done !== dataBytes) {
    const has = done > dataBytes ? `more than ${dataBytes} bytes` : `${done} bytes of ${dataBytes}`;
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `${name}: ${has}, which its shape (${shape.join(', ')}) needs`,
    );
  }
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc);
  await file.write(sum, 0, sum.length, offset + CRC_OFFSET);
  return { ...entry, crc };
}

function bytesOf({ buffer, byteOffset, byteLength }: NpyValues): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function localHeader({ name, crc, size }: Omit<Written, 'offset'>): Buffer {
  const fixed = Buffer.alloc(30);
  fixed.writeUInt32LE(0x04034b50, 0);
  fixed.writeUInt16LE(VERSION_ZIP64, 4);
  fixed.writeUInt16LE(FIRST_DAY, 12);
  fixed.writeUInt32LE(crc, CRC_OFFSET);
  fixed.writeUInt32LE(LARGEST_32, 18);
  fixed.writeUInt32LE(LARGEST_32, 22);
  fixed.writeUInt16LE(name.length, 26);
  const extra = zip64Extra([size, size]);
  fixed.writeUInt16LE(extra.length, 28);
  return Buffer.concat([fixed, name, extra]);
}

function centralEntry({ name, crc, size, offset }: Written): Buffer {
  const isLarge = size > ZIP64_FROM;
  const isFar = offset > ZIP64_FROM;
  const extra = zip64Extra([...(isLarge ? [size, size] : []), ...(isFar ? [offset] : [])]);
  const fixed = Buffer.alloc(46);
  fixed.writeUInt32LE(0x02014b50, 0);
  fixed.writeUInt16LE(VERSION_ZIP64 | (UNIX << 8), 4);
  fixed.writeUInt16LE(VERSION_ZIP64, 6);
  fixed.writeUInt16LE(FIRST_DAY, 14);
  fixed.writeUInt32LE(crc, 16);
  fixed.writeUInt32LE(isLarge ? LARGEST_32 : size, 20);
  fixed.writeUInt32LE(isLarge ? LARGEST_32 : size, 24);
  fixed.writeUInt16LE(name.length, 28);
  fixed.writeUInt16LE(extra.length, 30);
  fixed.writeUInt32LE(MODE * 0x10000, 38);
  fixed.writeUInt32LE(isFar ? LARGEST_32 : offset, 42);
  return Buffer.concat([fixed, name, extra]);
}

function zip64Extra(values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  for (const [i, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + i * 8);
  return extra;
}

/** The directory and what tells where it begins. */
function endOfZip(written: readonly Written[], start: number): Buffer {
  const directory = Buffer.concat(written.map(centralEntry));
  const isFar = start > ZIP64_FROM;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(written.length, 8);
  end.writeUInt16LE(written.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(Math.min(start, LARGEST_32), 16);
  return Buffer.concat([
    directory,
    ...(isFar ? [zip64End(written.length, start, directory.length)] : []),
    end,
  ]);
}

/** The record and, behind it, where it lies. */
function zip64End(count: number, start: number, directoryBytes: number): Buffer {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(VERSION_ZIP64, 12);
  record.writeUInt16LE(VERSION_ZIP64, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(directoryBytes), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(start + directoryBytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator]);
}

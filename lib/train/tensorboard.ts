/**
 * TensorBoard's event files: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of Event protocol buffers.
 * Source: tensorflow/core/util/event.proto, framework/summary.proto, lib/hash/crc32c.h.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileError } from '../errors.js';

const PREFIX = 'events.out.tfevents.';
const EVENT_FILE = /^events\.out\.tfevents\.(\d{1,15})\./;
const SECONDS_DIGITS = 10;

export interface EventImage {
  readonly tag: string;
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

export class EventWriter {
  readonly #file: FileHandle;
  readonly #path: string;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** A new file in `folder`; what earlier files hold from step `firstStep` on counts no more. */
  static async create(folder: string, firstStep: number): Promise<EventWriter> {
    let path = folder;
    let file: FileHandle;
    try {
      path = join(folder, `${PREFIX}${await nextSecond(folder)}.${hostname()}.${process.pid}`);
      file = await open(path, 'w');
    } catch (error) {
      throw fileError(error, 'write', path);
    }
    const writer = new EventWriter(file, path);
    await writer.#append([stringField(3, 'brain.Event:2')]);
    // SessionLog with status START.
    await writer.#append([varintField(2, firstStep), bytesField(7, varintField(1, 1))]);
    return writer;
  }

  async scalars(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    const summary = Object.entries(values).map(([tag, value]) =>
      bytesField(1, Buffer.concat([stringField(1, tag), floatField(2, value)])),
    );
    await this.#append([varintField(2, step), bytesField(5, Buffer.concat(summary))]);
  }

  async image(step: number, { tag, width, height, png }: EventImage): Promise<void> {
    const image = Buffer.concat([
      varintField(1, height),
      varintField(2, width),
      varintField(3, 3),
      bytesField(4, png),
    ]);
    const value = Buffer.concat([stringField(1, tag), bytesField(4, image)]);
    await this.#append([varintField(2, step), bytesField(5, bytesField(1, value))]);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(fields: readonly Buffer[]): Promise<void> {
    const wallTime = Buffer.alloc(9);
    wallTime[0] = key(1, 1);
    wallTime.writeDoubleLE(Date.now() / 1000, 1);
    try {
      await this.#file.write(record(Buffer.concat([wallTime, ...fields])));
    } catch (error) {
      throw fileError(error, 'write', this.#path);
    }
  }
}

/**
 * TensorBoard reads the files of a folder in the order of their names, so that a clock that was set back, or two starts
 * within a second, must not give an earlier one.
 */
async function nextSecond(folder: string): Promise<string> {
  let seconds = Math.max(0, Math.floor(Date.now() / 1000));
  for (const name of await readdir(folder)) {
    const earlier = EVENT_FILE.exec(name)?.[1];
    if (earlier !== undefined) seconds = Math.max(seconds, Number(earlier) + 1);
  }
  return String(seconds).padStart(SECONDS_DIGITS, '0');
}

function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

function maskedCrc(data: Uint8Array): Buffer {
  const crc = crc32c(data);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(masked);
  return bytes;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** The Castagnoli polynomial, reflected. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crcTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// Wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
function key(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([key(field, 0)]), varint(value)]);
}

function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([key(field, 2)]), varint(bytes.length), bytes]);
}

function stringField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text));
}

function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = key(field, 5);
  bytes.writeFloatLE(value, 1);
  return bytes;
}

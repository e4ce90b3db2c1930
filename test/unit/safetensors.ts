/** Safetensors files as tests need them: read whole, changed, written again. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface RawTensor {
  /** As in the header, `F32` say. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type RawTensors = Readonly<Record<string, RawTensor>>;

type Header = Record<
  string,
  { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] }
>;

function readHeader(file: Buffer): { readonly header: Header; readonly begin: number } {
  const begin = 8 + Number(file.readBigUInt64LE());
  return { header: JSON.parse(file.subarray(8, begin).toString()) as Header, begin };
}

/** Of `__metadata__`. */
export function readMetadata(path: string): Readonly<Record<string, string>> {
  const { header } = readHeader(readFileSync(path));
  return (header as Record<string, unknown>).__metadata__ as Record<string, string>;
}

export function readSafetensors(path: string): RawTensors {
  const file = readFileSync(path);
  const { header, begin } = readHeader(file);
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return Object.fromEntries(
    tensors.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: file.subarray(begin + from, begin + to) }],
    ),
  );
}

export function writeSafetensors(
  path: string,
  tensors: RawTensors,
  metadata?: Readonly<Record<string, string>>,
): void {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const from = offset;
    offset += bytes.length;
    return [name, { dtype, shape, data_offsets: [from, offset] }] as const;
  });
  const said = metadata === undefined ? {} : { __metadata__: metadata };
  const text = JSON.stringify({ ...said, ...Object.fromEntries(entries) });
  // What lies in whole cache lines gives the same bits as where the engine wrote it.
  const header = Buffer.from(text.padEnd(Math.ceil((8 + text.length) / 64) * 64 - 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header, ...Object.values(tensors).map(({ bytes }) => bytes)]));
}

export function floatTensor(shape: readonly number[], value: number): RawTensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
  return { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer) };
}

/** The same tensors under other names. */
export function renamed(tensors: RawTensors, rename: (name: string) => string): RawTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));
}

/** Safetensors files as tests need them: read whole, changed, written again. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface RawTensor {
  /** As in the header, `F32` say. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type RawTensors = Readonly<Record<string, RawTensor>>;

export function readSafetensors(path: string): RawTensors {
  const file = readFileSync(path);
  const begin = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, begin).toString()) as Record<
    string,
    { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] }
  >;
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

export function writeSafetensors(path: string, tensors: RawTensors): void {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const from = offset;
    offset += bytes.length;
    return [name, { dtype, shape, data_offsets: [from, offset] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
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

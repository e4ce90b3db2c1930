/** The tensors of a golden case's io.safetensors, for the modules that TypeScript runs itself. */
import { z } from 'zod';
import { firstLine, SvgT2IError } from '../errors.js';
import { readBytes } from '../regular-file.js';

/** Inputs and outputs of one golden case. */
const MAX_BYTES = 1024 ** 3;

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Uint8Array | Int32Array | BigInt64Array;
}

const elementBytes = { F32: 4, F64: 8, U8: 1, I32: 4, I64: 8 } as const;

const entrySchema = z.object({
  dtype: z.enum(['F32', 'F64', 'U8', 'I32', 'I64']),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

type Entry = z.infer<typeof entrySchema>;

/**
 * Reads a whole file of at most a few hundred MB; checkpoints go through the engine instead.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_FILE_FORMAT
 */
export async function readSafetensors(path: string): Promise<ReadonlyMap<string, StoredTensor>> {
  const bytes = await readBytes(path, { maxBytes: MAX_BYTES });
  try {
    return parseSafetensors(bytes);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is no safetensors file: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

function parseSafetensors(bytes: Buffer): ReadonlyMap<string, StoredTensor> {
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const start = 8 + headerBytes;
  if (start > bytes.length) throw new RangeError('its header is longer than the file');
  const { __metadata__: _, ...entries } = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(bytes.toString('utf8', 8, start)));
  const data = bytes.subarray(start);
  return new Map(
    Object.entries(entries).map(([name, entry]) => [name, readTensor(name, entrySchema.parse(entry), data)]),
  );
}

function readTensor(name: string, entry: Entry, data: Buffer): StoredTensor {
  const [begin, end] = entry.data_offsets;
  const count = entry.shape.reduce((product, side) => product * side, 1);
  if (end > data.length || end - begin !== count * elementBytes[entry.dtype]) {
    throw new RangeError(`"${name}" leaves the file or has not the bytes of its shape`);
  }
  // A copy, because typed arrays want their alignment.
  const { buffer } = new Uint8Array(data.subarray(begin, end));
  const views = {
    F32: () => new Float32Array(buffer),
    F64: () => new Float64Array(buffer),
    U8: () => new Uint8Array(buffer),
    I32: () => new Int32Array(buffer),
    I64: () => new BigInt64Array(buffer),
  };
  return { shape: entry.shape, data: views[entry.dtype]() };
}

/** Which number types of npy files are read and written, and the typed arrays that hold them. */

type Views<Buffer extends ArrayBufferLike> =
  | Uint8Array<Buffer>
  | Int8Array<Buffer>
  | Uint16Array<Buffer>
  | Int16Array<Buffer>
  | Uint32Array<Buffer>
  | Int32Array<Buffer>
  | BigUint64Array<Buffer>
  | BigInt64Array<Buffer>
  | Float32Array<Buffer>
  | Float64Array<Buffer>;

/** The values of an array that was read, in this machine's byte order. */
export type NpyData = Views<ArrayBuffer>;
/** Values that are written. */
export type NpyValues = Views<ArrayBufferLike>;

interface Dtype {
  /** Type and size as numpy writes them, without the byte order. */
  readonly code: string;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly view: (buffer: ArrayBuffer) => NpyData;
}

const DTYPES = {
  bool: { code: 'b1', bytes: 1, view: (buffer) => new Uint8Array(buffer) },
  uint8: { code: 'u1', bytes: 1, view: (buffer) => new Uint8Array(buffer) },
  int8: { code: 'i1', bytes: 1, view: (buffer) => new Int8Array(buffer) },
  uint16: { code: 'u2', bytes: 2, view: (buffer) => new Uint16Array(buffer) },
  int16: { code: 'i2', bytes: 2, view: (buffer) => new Int16Array(buffer) },
  uint32: { code: 'u4', bytes: 4, view: (buffer) => new Uint32Array(buffer) },
  int32: { code: 'i4', bytes: 4, view: (buffer) => new Int32Array(buffer) },
  uint64: { code: 'u8', bytes: 8, view: (buffer) => new BigUint64Array(buffer) },
  int64: { code: 'i8', bytes: 8, view: (buffer) => new BigInt64Array(buffer) },
  float32: { code: 'f4', bytes: 4, view: (buffer) => new Float32Array(buffer) },
  float64: { code: 'f8', bytes: 8, view: (buffer) => new Float64Array(buffer) },
} as const satisfies Readonly<Record<string, Dtype>>;

/** As numpy names them. */
export type NpyDtype = keyof typeof DTYPES;

/** Of one value. */
export function itemBytes(dtype: NpyDtype): 1 | 2 | 4 | 8 {
  return DTYPES[dtype].bytes;
}

/** The bytes of a buffer as values of a type. */
export function viewAs(dtype: NpyDtype, buffer: ArrayBuffer): NpyData {
  return DTYPES[dtype].view(buffer);
}

/** What a header says of a type that is written: `<f8`, `|u1`. */
export function descriptionOf(dtype: NpyDtype): string {
  const { code, bytes } = DTYPES[dtype];
  return `${bytes === 1 ? '|' : '<'}${code}`;
}

/** The type that a header's description stands for; undefined for one that is not read. */
export function describedDtype(
  description: string,
): { readonly dtype: NpyDtype; readonly isBigEndian: boolean } | undefined {
  const match = /^([<>=|]?)(.*)$/.exec(description);
  const [order, code] = [match?.[1] ?? '', match?.[2] ?? ''];
  const found = Object.entries(DTYPES).find(([, dtype]) => dtype.code === (code === '?' ? 'b1' : code));
  if (found === undefined) return undefined;
  return { dtype: found[0] as NpyDtype, isBigEndian: order === '>' && found[1].bytes > 1 };
}

/** Turns the bytes of big-endian values round, in place. */
export function swapBytes(bytes: Buffer, size: 1 | 2 | 4 | 8): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else if (size === 8) bytes.swap64();
}

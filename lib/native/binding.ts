/**
 * The types of the .node file. What crosses the boundary: coarse jobs with a request in JSON (jobs.ts lists them),
 * tensors as typed arrays, weights as paths.
 */

export type NativeDtype =
  | 'float32'
  | 'float64'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool'
  | 'bfloat16'
  | 'float16';

/** What the addon takes and gives; not NodeJS.TypedArray, which only @types/node knows. */
export type NativeArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/** Row-major. `data` of bfloat16 and float16 is a Uint16Array of their bits, that of int64 a BigInt64Array. */
export interface NativeTensor {
  readonly dtype: NativeDtype;
  readonly shape: readonly number[];
  readonly data: NativeArray;
}

export type NativeTensors = Readonly<Record<string, NativeTensor>>;

/** Tensors NAME.0, NAME.1, ... */
export type Numbered<Name extends string> = Readonly<Record<`${Name}.${number}`, NativeTensor>>;

/** A message from the engine's thread. `error` carries {code, message, hint} as JSON. */
export type NativeMessageKind = 'event' | 'result' | 'error' | 'stopped';

export type NativeMessageHandler = (
  jobId: number,
  kind: NativeMessageKind,
  json: string,
  tensors: NativeTensors,
) => void;

export interface NativeEngine {
  /** Throws where the kind is unknown or the engine disposed; whatever happens later arrives as a message. */
  submit(jobId: number, kind: string, requestJson: string, tensors: NativeTensors): void;
  cancel(jobId: number): void;
  /** A last message of kind `stopped` (job 0) tells when the thread has ended and the models are freed. */
  dispose(): void;
}

/** What `info()` returns as JSON. */
export interface RuntimeInfo {
  readonly torch: string;
  readonly cpuCapability: string;
  readonly cpuBf16: boolean;
  /** By which instructions 8-bit numbers are multiplied. */
  readonly cpuInt8: 'amx' | 'vnni' | 'none';
  readonly threads: number;
  readonly cudaBuild: boolean;
  readonly cudaDevices: number;
}

export interface NativeBinding {
  readonly Engine: new (optionsJson: string, onMessage: NativeMessageHandler) => NativeEngine;
  info(): string;
}

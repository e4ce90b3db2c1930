/** What the engine says of weight files: what they hold, whether they are whole, what a conversion wrote. */

/** A tensor of a weight file. */
export interface TensorSummary {
  /** Its key. */
  readonly name: string;
  /** "float32"; element types that are listed but not read have torch's name or the file's own ("F4"). */
  readonly dtype: string;
  /** Sizes, the outermost first. */
  readonly shape: readonly number[];
  /** Of its data. */
  readonly bytes: number;
}

/** How much of a model is int8 (docs/weight-files.md). */
export interface Int8Summary {
  /** Matrices that are. */
  readonly matrices: number;
  /** Names of those that are not. */
  readonly leftOut: readonly string[];
}

/** What a weight file holds. */
export interface WeightFileReport {
  /** As it was given, absolute. */
  readonly path: string;
  /** "safetensors", "torch zip" or "torch legacy", with " (sharded)" where several files make one state dict. */
  readonly format: string;
  /** What the names and shapes say it is, such as "next-dit" or "adapter"; "unknown" where they say nothing. */
  readonly kind: string;
  /** One line for people. */
  readonly description: string;
  /** What to do with a file that cannot be loaded as it is, such as weights in another library's form. */
  readonly hint?: string;
  /** Absent where no matrix is int8 with a scale an output. */
  readonly int8?: Int8Summary;
  /** Keys of the torch file that lead to the tensors. */
  readonly root: readonly string[];
  /** All that belong to it: the shards and their index. */
  readonly files: readonly string[];
  /** By name. */
  readonly tensors: readonly TensorSummary[];
  /** Plain values beside the tensors. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Numbers in all tensors. */
  readonly parameters: number;
  /** Of the tensors. */
  readonly totalBytes: number;
  /** Of the files. */
  readonly fileBytes: number;
}

/** What a conversion wrote. */
export interface ConversionReport {
  /** The file or folder that was read. */
  readonly input: string;
  /** Written, or kept from an earlier run. */
  readonly files: readonly string[];
  /** How many of them an earlier, interrupted run had written. */
  readonly kept: number;
  /** How many. */
  readonly tensors: number;
  /** Of the tensors. */
  readonly bytes: number;
  /** How the names were read, in a line; mostly empty. */
  readonly remark: string;
  /** Absent where no matrix is int8. */
  readonly int8?: Int8Summary;
}

/** Whether a weight file is whole. */
export interface VerificationReport {
  /** As it was given, absolute. */
  readonly path: string;
  /** As in `WeightFileReport`. */
  readonly format: string;
  /** One line for people. */
  readonly description: string;
  /** Whether there are no problems. */
  readonly ok: boolean;
  /** One line each; empty where all is well. */
  readonly problems: readonly string[];
  /** Each with its size and hash. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** How many. */
  readonly tensors: number;
  /** Of the tensors. */
  readonly totalBytes: number;
  /** Numbers that are NaN, in all tensors. */
  readonly nan: number;
  /** Numbers that are infinite, in all tensors. */
  readonly inf: number;
}

/** How far a job on a file is. */
export interface FileProgress {
  /** The file or tensor in hand. */
  readonly what: string;
  /** Read so far. */
  readonly doneBytes: number;
  /** To be read. */
  readonly totalBytes: number;
}

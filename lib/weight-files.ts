/** Weight files: what they hold, whether they are whole, and any of them as safetensors. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkPath } from './config/paths.js';
import { callbackSchema, checkArgument, signalSchema } from './config/values.js';
import { Engine } from './engine.js';

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

/** What every job on weight files takes. */
export interface FileJobOptions {
  /** Ends the job at its next check; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then, with bytes done and in all. */
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
}

/** What `convertWeights()` takes. */
export interface ConvertOptions extends FileJobOptions {
  /** Of floating-point tensors; "keep" is the default. */
  readonly dtype?: 'keep' | 'fp32' | 'bf16' | 'fp16' | undefined;
  /** Above this the tensors are spread over several files with an index; 5 GB. */
  readonly maxShardBytes?: number | undefined;
  /** Keep files of an interrupted run that hold the very bytes; true. */
  readonly resume?: boolean | undefined;
  /** Replace other files that are in the way; false. */
  readonly overwrite?: boolean | undefined;
}

/** What `verifyWeights()` takes. */
export interface VerifyOptions extends FileJobOptions {
  /** 64 hexadecimal digits that the file must have. */
  readonly sha256?: string | undefined;
}

const jobOptions = z.strictObject({
  signal: signalSchema.optional(),
  onProgress: callbackSchema<(progress: FileProgress) => void>().optional(),
});
const convertOptions = jobOptions.extend({
  dtype: z.enum(['keep', 'fp32', 'bf16', 'fp16']).optional(),
  maxShardBytes: z.number().int().min(1).optional(),
  resume: z.boolean().optional(),
  overwrite: z.boolean().optional(),
});
const verifyOptions = jobOptions.extend({ sha256: z.string().optional() });

/**
 * Keys, shapes and dtypes of a weight file, without reading the tensors or running anything in it.
 *
 * @param path of a file, or of a folder of shards; a `file:` URL will do
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_FILE_FORMAT, ERR_SVGT2I_INVALID_ARGUMENT; or the signal's reason
 *
 * @example
 * const { kind, tensors } = await inspectWeights('pre-trained/dit-stage4-T274M');
 */
export async function inspectWeights(
  path: string | URL,
  options: FileJobOptions = {},
): Promise<WeightFileReport> {
  const request = { path: resolve(checkPath('path', path)) };
  const checked = checkArgument('options', jobOptions, options);
  return (await runFileJob('inspect', request, checked)) as WeightFileReport;
}

/**
 * Writes a .safetensors file, or a folder of them. Every file appears whole or not at all, and is read back and
 * compared.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT, ERR_SVGT2I_UNSAFE_FILE, ERR_SVGT2I_DISK_FULL, ERR_SVGT2I_INVALID_ARGUMENT; or
 *   the signal's reason
 *
 * @example
 * await convertWeights('consolidated.00-of-01.pth', 'dit.safetensors', { dtype: 'bf16' });
 */
export async function convertWeights(
  input: string | URL,
  output: string | URL,
  options: ConvertOptions = {},
): Promise<ConversionReport> {
  const paths = { input: resolve(checkPath('input', input)), output: resolve(checkPath('output', output)) };
  const { signal, onProgress, ...settings } = checkArgument('options', convertOptions, options);
  const request = { ...paths, ...settings };
  return (await runFileJob('convert', request, { signal, onProgress })) as ConversionReport;
}

/**
 * Reads every byte: whether all tensors are there, finite, and of the wanted hash.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_FILE_FORMAT, ERR_SVGT2I_INVALID_ARGUMENT; or the signal's reason
 *
 * @example
 * const { ok, problems } = await verifyWeights('dit.safetensors');
 */
export async function verifyWeights(
  path: string | URL,
  options: VerifyOptions = {},
): Promise<VerificationReport> {
  const file = resolve(checkPath('path', path));
  const { signal, onProgress, ...settings } = checkArgument('options', verifyOptions, options);
  const request = { path: file, ...settings };
  return (await runFileJob('verify', request, { signal, onProgress })) as VerificationReport;
}

async function runFileJob(
  kind: 'inspect' | 'convert' | 'verify',
  request: Readonly<Record<string, string | number | boolean | undefined>>,
  { signal, onProgress }: FileJobOptions,
): Promise<unknown> {
  const engine = await Engine.create({ device: 'cpu' }, { signal });
  try {
    const { value } = await engine.run<unknown, FileProgress>(kind, request, {
      signal,
      onEvent: ({ what, doneBytes, totalBytes }) => onProgress?.({ what, doneBytes, totalBytes }),
    });
    return value;
  } finally {
    await engine.dispose();
  }
}

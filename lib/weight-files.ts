/** Weight files: what they hold, whether they are whole, and any of them as safetensors. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { CONVERSION_DTYPES, QUANTISATIONS } from './config/conversion.js';
import { checkPath } from './config/paths.js';
import { callbackSchema, checkArgument, signalSchema } from './config/values.js';
import { Engine } from './engine.js';
import { localPath } from './hub/local.js';
import type { JobRequest, JobValue } from './native/jobs.js';
import type {
  ConversionReport,
  FileProgress,
  VerificationReport,
  WeightFileReport,
} from './native/weight-reports.js';

export type {
  ConversionReport,
  FileProgress,
  Int8Summary,
  TensorSummary,
  VerificationReport,
  WeightFileReport,
} from './native/weight-reports.js';

/** What every job on weight files takes. */
export interface FileJobOptions {
  /** Ends the job at its next check; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then, with bytes done and in all. */
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
}

/** What `convertWeights()` takes. */
export interface ConvertOptions extends FileJobOptions {
  /** Of floating-point tensors; "keep" is the default. Matrices that are int8 are multiplied out. */
  readonly dtype?: (typeof CONVERSION_DTYPES)[number] | undefined;
  /**
   * `int8`: the large matrices of a transformer or a text encoder in 8 bit, as `dtype: 'int8'` draws with them; `dtype` is of
   * the other tensors. Into a folder, config.json, model_args.json and the tokenizer's files go along. Default: `none`.
   */
  readonly quantize?: (typeof QUANTISATIONS)[number] | undefined;
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
  dtype: z.enum(CONVERSION_DTYPES).default('keep'),
  quantize: z.enum(QUANTISATIONS).default('none'),
  maxShardBytes: z.number().int().min(1).default(5_000_000_000),
  resume: z.boolean().default(true),
  overwrite: z.boolean().default(false),
});
const verifyOptions = jobOptions.extend({ sha256: z.string().optional() });

/**
 * Keys, shapes and dtypes of a weight file, without reading the tensors or running anything in it.
 *
 * @param path of a file, or of a folder of shards; a `file:` URL, or a name of the hub that was fetched, will do
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_FILE_FORMAT, ERR_SVGT2I_INVALID_ARGUMENT; or the signal's reason
 *
 * @example
 * const { kind, tensors } = await inspectWeights('pre-trained/dit-stage4-T274M');
 */
export async function inspectWeights(
  path: string | URL,
  options: FileJobOptions = {},
): Promise<WeightFileReport> {
  const request = { path: weightsPath('path', path) };
  const { signal } = checkArgument('options', jobOptions, options);
  return await withEngine(signal, async (engine) => (await engine.run('inspect', request, { signal })).value);
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
 * await convertWeights('gemma-2-2b', 'gemma-2-2b-int8', { quantize: 'int8' });
 */
export async function convertWeights(
  input: string | URL,
  output: string | URL,
  options: ConvertOptions = {},
): Promise<ConversionReport> {
  const paths = { input: weightsPath('input', input), output: resolve(checkPath('output', output)) };
  const { signal, onProgress, ...settings } = checkArgument('options', convertOptions, options);
  return await runFileJob('convert', { ...paths, ...settings }, { signal, onProgress });
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
  const file = weightsPath('path', path);
  const { signal, onProgress, ...settings } = checkArgument('options', verifyOptions, options);
  return await runFileJob('verify', { path: file, ...settings }, { signal, onProgress });
}

/** Of a file or folder, or what was fetched of a name of the hub. */
function weightsPath(name: string, value: string | URL): string {
  return localPath(checkPath(name, value), 'ERR_SVGT2I_FILE_NOT_FOUND');
}

async function runFileJob<Kind extends 'convert' | 'verify'>(
  kind: Kind,
  request: JobRequest<Kind>,
  { signal, onProgress }: FileJobOptions,
): Promise<JobValue<Kind>> {
  const onEvent = ({ what, doneBytes, totalBytes }: FileProgress) =>
    onProgress?.({ what, doneBytes, totalBytes });
  return await withEngine(
    signal,
    async (engine) => (await engine.run(kind, request, { signal, onEvent })).value,
  );
}

/** Without `await using`, whose symbol other realms of Node 20 (a vm context) do not have. */
async function withEngine<Value>(
  signal: AbortSignal | undefined,
  use: (engine: Engine) => Promise<Value>,
): Promise<Value> {
  const engine = await Engine.create({ device: 'cpu' }, { signal });
  try {
    return await use(engine);
  } finally {
    await engine.dispose();
  }
}

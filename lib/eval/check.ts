/** `eval check`: what a scorer would miscount or stumble over, told before it runs. */
import { stat } from 'node:fs/promises';
import { type CheckValues, checkSchema } from '../config/eval/check.js';
import { BENCHMARKS, type BenchmarkKind } from '../config/eval/generate.js';
import { checkPath, pathOf } from '../config/paths.js';
import { validate } from '../config/validate.js';
import { SvgT2IError, systemErrorCode } from '../errors.js';
import { checkAdmNpz } from './adm-npz.js';
import type { EvaluateOptions } from './events.js';
import { promptsHash } from './generate/prompts-hash.js';
import { type RunRecord, readRunRecord } from './generate/run-record.js';
import { benchmarkOf, scorerFolder } from './layouts/benchmarks.js';
import type { CheckKind, CheckReport } from './layouts/check-report.js';

/** What is checked, and for whom. */
export interface CheckRequest {
  /** The folder that the scorer would get, or one that `eval geneval` and its like have drawn into; of adm-npz the file. */
  readonly path: string | URL;
  /** Whose input it is. */
  readonly as: CheckKind;
  /** The benchmark's list of prompts. Default: that of the run, where it is a folder of ours. */
  readonly prompts?: string | URL | undefined;
  /** Pictures that each prompt must have. Default: 4, of GenEval 2 one; of a folder of ours as drawn. */
  readonly imagesPerPrompt?: number | undefined;
  /** Pixels a side of each picture; needed for dpg but in a folder of ours. */
  readonly resolution?: number | undefined;
}

/**
 * Lists every fault of a folder or file.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, ERR_SVGT2I_USAGE for options that mean nothing there;
 *   ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO where nothing is there to check, ERR_SVGT2I_FILE_FORMAT for a list of prompts
 *   that is none; or the signal's reason
 */
export async function evaluateCheck(
  request: CheckRequest,
  { signal, onEvent }: EvaluateOptions = {},
): Promise<CheckReport> {
  const { path, ...values } = request;
  const target = checkPath('path', pathOf(path, 'path'));
  const checked = validate(
    checkSchema,
    { ...values, prompts: pathOf(values.prompts, 'prompts') },
    { code: 'ERR_SVGT2I_INVALID_ARGUMENT' },
  );
  const { as } = checked;
  if (!isBenchmark(as)) {
    refuseMeaningless(checked);
    const onProgress = (done: number, total: number) =>
      onEvent?.({ type: 'progress', done, total, what: `pictures of ${target}` });
    return checkAdmNpz(target, { resolution: checked.resolution, signal, onProgress });
  }
  const { folder, note, ...settings } = await settingsOf(target, as, checked);
  const benchmark = benchmarkOf(as);
  const { imagesPerPrompt = benchmark.imagesPerPrompt, resolution } = settings;
  const prompts = settings.prompts === undefined ? undefined : await benchmark.readPrompts(settings.prompts);
  let looked = 0;
  const report = await benchmark.check(folder, {
    ...{ prompts, imagesPerPrompt, resolution, signal },
    onLooked: () => onEvent?.({ type: 'progress', done: ++looked, what: `pictures of ${folder}` }),
  });
  const warnings = [
    ...note,
    ...report.warnings,
    ...(prompts === undefined ? [] : benchmark.warnings(prompts)),
  ];
  return { ...report, warnings };
}

function isBenchmark(kind: CheckKind): kind is BenchmarkKind {
  return BENCHMARKS.some((each) => each === kind);
}

function refuseMeaningless({ prompts, imagesPerPrompt }: CheckValues): void {
  const given =
    prompts !== undefined ? 'prompts' : imagesPerPrompt !== undefined ? 'imagesPerPrompt' : undefined;
  if (given === undefined) return;
  const message = `${given} means nothing to adm-npz, which knows pictures alone`;
  throw new SvgT2IError('ERR_SVGT2I_USAGE', message, { hint: 'Leave it out.' });
}

interface CheckSettings extends Omit<CheckValues, 'as'> {
  /** What the scorer is given. */
  readonly folder: string;
  readonly note: readonly string[];
}

/** Of a folder that we have drawn, what is not given is known. */
async function settingsOf(target: string, as: BenchmarkKind, values: CheckValues): Promise<CheckSettings> {
  const { prompts, imagesPerPrompt, resolution } = values;
  const run = await ownRun(target);
  if (run === undefined || run.kind !== as) {
    const note = run === undefined ? [] : [`${target} was drawn as ${run.kind}, not as ${as}`];
    return { folder: target, note, prompts, imagesPerPrompt, resolution };
  }
  const { about, decides } = run;
  const folder = scorerFolder(as, target);
  const list = prompts ?? (await listOf(run));
  const { width } = decides;
  return {
    folder,
    note: folder === target ? [] : [`${target} was drawn by svg-t2i: what the scorer gets is ${folder}`],
    prompts: list,
    imagesPerPrompt: imagesPerPrompt ?? (about.imagesPerPrompt as number | undefined),
    resolution: resolution ?? (benchmarkOf(as).isSquare && typeof width === 'number' ? width : undefined),
  };
}

async function ownRun(target: string): Promise<RunRecord | undefined> {
  try {
    if (!(await stat(target)).isDirectory()) return undefined;
    return readRunRecord(target);
  } catch (error) {
    // Nothing there, which the check itself says; or a run.json of somebody else, which no scorer minds.
    if (SvgT2IError.isInstance(error) || systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** The list of a run, where it is still what it was. */
async function listOf({ about, decides }: RunRecord): Promise<string | undefined> {
  const { prompts } = about;
  const isNamed = typeof prompts === 'object' && prompts !== null && 'file' in prompts;
  if (!isNamed || typeof prompts.file !== 'string') return undefined;
  try {
    return (await promptsHash(prompts.file)) === decides.prompts ? prompts.file : undefined;
  } catch (error) {
    if (SvgT2IError.isInstance(error)) return undefined;
    throw error;
  }
}

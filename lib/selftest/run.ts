/** Runs golden cases: those of TypeScript's modules here, all others in the engine. */
import { z } from 'zod';
import { reasonOf } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { Comparison } from './comparison.js';
import { caseName, findCases, GoldenCase } from './golden-case.js';
import { runAdmNpzCase } from './modules/adm-npz.js';
import { runDataSamplerCase } from './modules/data-sampler.js';
import { runFidImagePreprocessCase } from './modules/fid-image-preprocess.js';
import { runHubLayoutsCase } from './modules/hub-layouts.js';
import { runImagePreprocessCase } from './modules/image-preprocess.js';
import { runDpgLayoutCase, runGeneval2LayoutCase, runGenevalLayoutCase } from './modules/scorer-layouts.js';
import { runTokenizerCase } from './modules/tokenizer.js';

export type CaseStatus = 'passed' | 'failed' | 'not-run';

export interface CaseReport {
  readonly name: string;
  readonly module: string;
  readonly status: CaseStatus;
  /** Largest absolute difference met, in the units of the output. */
  readonly maxError: number;
  /** As the case gives it; null where it asks for equality. */
  readonly tolerance: unknown;
  /** Empty for a case that passed. */
  readonly message: string;
}

export interface SelftestReport {
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  readonly cases: readonly CaseReport[];
}

/** Runs one case and records what differs. */
export type CaseRunner = (golden: GoldenCase, result: Comparison) => Promise<void>;

export interface SelftestOptions {
  /** Runs a case in the C++ engine and returns its report (job `golden`). */
  readonly runInEngine: (folder: string) => Promise<unknown>;
  /** Runs a `pipeline` case, from prompt to pixels. */
  readonly runPipeline: CaseRunner;
  readonly onCase?: (report: CaseReport) => void;
  readonly signal?: AbortSignal;
}

const engineReportSchema = z.object({
  name: z.string(),
  module: z.string(),
  status: z.enum(['passed', 'failed', 'not-run']),
  // JSON has no infinity: an error without a number comes as null.
  maxError: z.number().nullable(),
  tolerance: z.unknown(),
  message: z.string().default(''),
});

/**
 * Runs every case of a folder of cases, or the one case that the folder is. A case that cannot be read or run has
 * failed; it never stops the others.
 *
 * @throws SvgT2IError where the folder cannot be read or holds no case; the reason of `signal` when cancelled
 */
export async function runSelftest(root: string, options: SelftestOptions): Promise<SelftestReport> {
  const runners: Readonly<Record<string, CaseRunner>> = {
    tokenizer: runTokenizerCase,
    image_preprocess: runImagePreprocessCase,
    fid_image_preprocess: runFidImagePreprocessCase,
    adm_npz: runAdmNpzCase,
    data_sampler: runDataSamplerCase,
    hub_layouts: runHubLayoutsCase,
    geneval_layout: runGenevalLayoutCase,
    geneval2_layout: runGeneval2LayoutCase,
    dpg_layout: runDpgLayoutCase,
    pipeline: options.runPipeline,
  };
  const cases: CaseReport[] = [];
  const folders = await findCases(root);
  if (folders.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', `no golden cases in ${root}`, {
      hint: 'Give a folder of cases, or one case: a folder with a case.json.',
    });
  }
  for (const folder of folders) {
    options.signal?.throwIfAborted();
    const report = await runCase(folder, runners, options);
    cases.push(report);
    options.onCase?.(report);
  }
  const count = (status: CaseStatus) => cases.filter((report) => report.status === status).length;
  return { passed: count('passed'), failed: count('failed'), notRun: count('not-run'), cases };
}

async function runCase(
  folder: string,
  runners: Readonly<Record<string, CaseRunner>>,
  options: SelftestOptions,
): Promise<CaseReport> {
  let golden: GoldenCase | undefined;
  const result = new Comparison();
  try {
    golden = await GoldenCase.open(folder);
    const runner = Object.hasOwn(runners, golden.module) ? runners[golden.module] : undefined;
    if (runner === undefined) return engineReport(await options.runInEngine(folder), golden);
    await runner(golden, result);
  } catch (error) {
    options.signal?.throwIfAborted();
    result.fail(reasonOf(error));
  }
  return {
    name: caseName(folder),
    module: golden?.module ?? '',
    status: result.failures.length === 0 ? 'passed' : 'failed',
    maxError: result.maxError,
    tolerance: golden?.spec.tolerance ?? null,
    message: result.failures.join('; '),
  };
}

function engineReport(value: unknown, golden: GoldenCase): CaseReport {
  const report = engineReportSchema.parse(value);
  return {
    ...report,
    maxError: report.maxError ?? 0,
    tolerance: report.tolerance ?? golden.spec.tolerance ?? null,
  };
}

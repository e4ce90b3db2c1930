/** `evaluate({ kind: 'geneval' })`, `geneval2` and `dpg`: a request of the API as the configuration that the commands read. */
import type { BenchmarkKind, SeedRule } from '../../config/eval/generate.js';
import type { ConfigTree } from '../../config/load.js';
import type { ModelOptions } from '../../config/model.js';
import { pathOf } from '../../config/paths.js';
import type { Settings } from '../../config/settings.js';
import { withPlainPaths } from '../../release/load-options.js';
import type { EvaluateOptions } from '../events.js';
import { loadGenerateConfig } from './config.js';
import { drawBenchmark, type GenerateResult } from './generate.js';

/** What is drawn, by which model, and where it goes. */
export interface BenchmarkRequest {
  /** The benchmark's list of prompts; of DPG-Bench also a folder of ID.txt, or a .csv. */
  readonly prompts: string | URL;
  /** Folder that gets the pictures, run.json and report.html; a run that was stopped goes on in it. */
  readonly out: string | URL;
  /** Pictures of each prompt. Default: 4, of GenEval 2 one. */
  readonly imagesPerPrompt?: number | undefined;
  /** Key of the text that is drawn. Default: `prompt`. */
  readonly promptKey?: string | undefined;
  /** `per-picture`: picture i of the run uses seed + i; `upstream`: every prompt begins again at the seed, 42 where not given. Default: `per-picture`. */
  readonly seeds?: SeedRule | undefined;
  /** Keep pictures that are there already, as their parameters tell. Default: true. */
  readonly skipExisting?: boolean | undefined;
  /** A folder with pictures of other settings: `refuse` before anything is drawn, or `redraw` them. Default: `refuse`. */
  readonly onMismatch?: 'refuse' | 'redraw' | undefined;
  /** Processes on this machine, one a GPU; the pictures are the same. Default: 1. */
  readonly nproc?: number | undefined;
  /** Which weights, where they run and in which precision. */
  readonly model?: ModelOptions | undefined;
  /** Settings of the pictures. */
  readonly sample?: Omit<Settings, 'count' | 'seed' | 'seedMode'> & { readonly seed?: number | undefined };
}

/**
 * Draws a benchmark in its scorer's layout, or what of it is not there yet, checks the folder and writes a report.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a request that makes no sense, and as drawBenchmark
 */
export async function evaluateBenchmark(
  kind: BenchmarkKind,
  request: BenchmarkRequest,
  options: EvaluateOptions = {},
): Promise<GenerateResult> {
  const { model = {}, sample = {}, ...benchmark } = request;
  const flags: ConfigTree = {
    benchmark: {
      ...benchmark,
      prompts: pathOf(benchmark.prompts, 'prompts'),
      out: pathOf(benchmark.out, 'out'),
    },
    model: withPlainPaths(model),
    sample: { ...sample },
  };
  const config = await loadGenerateConfig({
    flags,
    nameOf: (path) => /^benchmark\.(.*)$/.exec(path)?.[1],
  });
  return drawBenchmark(kind, config, options);
}

/** `evaluate({ kind: 'geneval' })`, `geneval2` and `dpg`: a request of the API as the configuration that the commands read. */
import type { BenchmarkKind } from '../../config/eval/generate.js';
import type { ConfigTree } from '../../config/load.js';
import { pathOf } from '../../config/paths.js';
import { withPlainPaths } from '../../release/load-options.js';
import type { EvaluateOptions } from '../events.js';
import { loadGenerateConfig } from './config.js';
import { drawBenchmark } from './generate.js';
import type { BenchmarkRequest, BenchmarkResult } from './types.js';

/**
 * Draws a benchmark in its scorer's layout, or what of it is not there yet, checks the folder and writes a report.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a request that makes no sense, and as drawBenchmark
 */
export async function evaluateBenchmark(
  kind: BenchmarkKind,
  request: BenchmarkRequest,
  options: EvaluateOptions = {},
): Promise<BenchmarkResult> {
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

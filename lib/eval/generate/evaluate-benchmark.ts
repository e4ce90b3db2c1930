/** `evaluate({ kind: 'geneval' })`, `geneval2` and `dpg`: a request of the API as the configuration that the commands read. */
import { z } from 'zod';
import { type BenchmarkKind, benchmarkSchema } from '../../config/eval/generate.js';
import { pathOf } from '../../config/paths.js';
import { validate } from '../../config/validate.js';
import { withPlainPaths } from '../../release/load-options.js';
import type { EvaluateOptions } from '../events.js';
import { loadGenerateConfig } from './config.js';
import { drawBenchmark } from './generate.js';
import type { BenchmarkRequest, BenchmarkResult } from './types.js';

/** Of `model` and `sample` the configuration says what is wrong, once it is known which release it is. */
const requestSchema = benchmarkSchema.extend({
  model: z.unknown().optional(),
  sample: z.unknown().optional(),
});

/**
 * Draws a benchmark in its scorer's layout, or what of it is not there yet, checks the folder and writes a report.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT or ERR_SVGT2I_INVALID_CONFIG for a request that makes no sense, and as
 *   drawBenchmark
 */
export async function evaluateBenchmark(
  kind: BenchmarkKind,
  request: BenchmarkRequest,
  options: EvaluateOptions = {},
): Promise<BenchmarkResult> {
  const prompts = pathOf(request.prompts, 'prompts');
  const out = pathOf(request.out, 'out');
  const code = 'ERR_SVGT2I_INVALID_ARGUMENT';
  const {
    model: _,
    sample: __,
    ...benchmark
  } = validate(requestSchema, { ...request, prompts, out }, { code });
  const { model = {}, sample = {} } = request;
  const flags = { benchmark, model: withPlainPaths(model), sample: { ...sample } };
  return drawBenchmark(kind, await loadGenerateConfig({ flags }), options);
}

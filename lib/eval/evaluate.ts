/** Which evaluations there are, and starting one: `evaluate()`. */
import { z } from 'zod';
import { callerFrames, withCaller } from '../caller.js';
import { nearest } from '../config/nearest.js';
import { shown, validate } from '../config/validate.js';
import { callbackSchema, signalSchema } from '../config/values.js';
import { SvgT2IError } from '../errors.js';
import type { CheckRequest } from './check.js';
import type { EvaluateEvent, EvaluateOptions } from './events.js';
import type { BenchmarkRequest, BenchmarkResult } from './generate/types.js';
import type { ImagenetRequest, ImagenetResult } from './imagenet/types.js';
import type { CheckReport } from './layouts/check-report.js';
import type { ImagesRequest, ImagesResult, StatsRequest, StatsResult } from './measure-types.js';
import type { PackRequest, PackResult } from './pack.js';
import type { ReconstructRequest, ReconstructResult } from './reconstruct-types.js';
import type { ScoresRequest, ScoresResult } from './scores/result.js';
import type { ShapesRequest, ShapesResult } from './shapes-types.js';
import type { WatchRequest, WatchResult } from './watch/types.js';

/**
 * Each kind with its request and its result. One who adds a kind adds a line here and one to `evaluations`; the
 * command calls the same function.
 */
export interface Evaluation {
  /** A class-conditional model's figures by ADM's protocol. */
  readonly imagenet: { readonly request: ImagenetRequest; readonly result: ImagenetResult };
  /** Metrics of a set of pictures, against another one. */
  readonly images: { readonly request: ImagesRequest; readonly result: ImagesResult };
  /** What a scorer would miscount or stumble over. */
  readonly check: { readonly request: CheckRequest; readonly result: CheckReport };
  /** DPG-Bench, drawn in its scorer's layout. */
  readonly dpg: { readonly request: BenchmarkRequest; readonly result: BenchmarkResult };
  /** GenEval, drawn in its scorer's layout. */
  readonly geneval: { readonly request: BenchmarkRequest; readonly result: BenchmarkResult };
  /** GenEval 2, drawn in its scorer's layout. */
  readonly geneval2: { readonly request: BenchmarkRequest; readonly result: BenchmarkResult };
  /** A folder of pictures as the npz that ADM's evaluator reads. */
  readonly pack: { readonly request: PackRequest; readonly result: PackResult };
  /** What an autoencoder loses. */
  readonly reconstruct: { readonly request: ReconstructRequest; readonly result: ReconstructResult };
  /** Scorers' result files as tables, side by side. */
  readonly scores: { readonly request: ScoresRequest; readonly result: ScoresResult };
  /** Held-out scenes of shapes, judged by what they show. */
  readonly shapes: { readonly request: ShapesRequest; readonly result: ShapesResult };
  /** Mean and covariance of a set's features, in a file. */
  readonly stats: { readonly request: StatsRequest; readonly result: StatsResult };
  /** Each new checkpoint of a run. */
  readonly watch: { readonly request: WatchRequest; readonly result: WatchResult };
}

/** What can be evaluated: `images`, `reconstruct`, `geneval` ... */
export type EvaluationKind = keyof Evaluation;

type RequestOf<Kind extends EvaluationKind> = Evaluation[Kind] extends { readonly request: infer Request }
  ? Request
  : never;

/** What `evaluate()` takes: a kind, and what that kind needs. */
export type EvaluateRequest<Kind extends EvaluationKind = EvaluationKind> = {
  readonly [One in Kind]: { readonly kind: One } & RequestOf<One>;
}[Kind];

/** What `evaluate()` gives for a kind. */
export type EvaluateResult<Kind extends EvaluationKind = EvaluationKind> = {
  readonly [One in Kind]: Evaluation[One] extends { readonly result: infer Result } ? Result : never;
}[Kind];

type Evaluations = {
  readonly [Kind in EvaluationKind]: (
    request: RequestOf<Kind>,
    options: EvaluateOptions,
  ) => Promise<EvaluateResult<Kind>>;
};

const benchmarks = () => import('./generate/evaluate-benchmark.js');

/** Loaded when asked for. */
const evaluations: Evaluations = {
  imagenet: async (request, options) =>
    (await import('./imagenet/imagenet.js')).evaluateImagenet(request, options),
  images: async (request, options) => (await import('./images.js')).evaluateImages(request, options),
  check: async (request, options) => (await import('./check.js')).evaluateCheck(request, options),
  dpg: async (request, options) => (await benchmarks()).evaluateBenchmark('dpg', request, options),
  geneval: async (request, options) => (await benchmarks()).evaluateBenchmark('geneval', request, options),
  geneval2: async (request, options) => (await benchmarks()).evaluateBenchmark('geneval2', request, options),
  pack: async (request, options) => (await import('./pack.js')).evaluatePack(request, options),
  reconstruct: async (request, options) =>
    (await import('./reconstruct.js')).evaluateReconstruct(request, options),
  scores: async (request, options) => (await import('./scores.js')).evaluateScores(request, options),
  shapes: async (request, options) => (await import('./shapes.js')).evaluateShapes(request, options),
  stats: async (request, options) => (await import('./stats.js')).evaluateStats(request, options),
  watch: async (request, options) => (await import('./watch/watch.js')).evaluateWatch(request, options),
};

const optionsSchema = z.strictObject({
  signal: signalSchema.optional(),
  onEvent: callbackSchema<(event: EvaluateEvent) => void>().optional(),
});

/**
 * Measures a model, its pictures, or a set of pictures: what the commands of `svg-t2i eval` do.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT before any work for a request that makes no sense, and what the kind
 *   throws; or the signal's reason
 *
 * @example
 * const { fid, pairs, warnings } = await evaluate(
 *   {
 *     kind: 'images',
 *     set: 'out/',
 *     reference: 'VIRTUAL_imagenet256_labeled.npz',
 *     metrics: ['fid', 'pr'],
 *     inception: 'pt_inception-2015-12-05-6726825d.pth',
 *   },
 *   { onEvent: (event) => event.type === 'progress' && console.error(event.what, event.done) },
 * );
 */
export async function evaluate<Kind extends EvaluationKind>(
  request: EvaluateRequest<Kind>,
  options: EvaluateOptions = {},
): Promise<EvaluateResult<Kind>> {
  const caller = callerFrames(evaluate);
  try {
    const { kind, ...own } = checkKind(request);
    const checked = validate(optionsSchema, options, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
    // The kind tells which request it is; the compiler does not follow it through a table.
    const run = evaluations[kind] as (own: object, options: EvaluateOptions) => Promise<EvaluateResult<Kind>>;
    return await run(own, checked);
  } catch (error) {
    throw withCaller(error, caller);
  }
}

function checkKind(request: unknown): { readonly kind: EvaluationKind } {
  const kinds = Object.keys(evaluations);
  const hint = `kind is one of ${kinds.join(', ')}.`;
  if (typeof request !== 'object' || request === null || !('kind' in request)) {
    const message = `evaluate() takes an object with a kind, got ${shown(request)}`;
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message, { hint });
  }
  const { kind } = request;
  if (typeof kind === 'string' && kinds.includes(kind)) return { ...request, kind: kind as EvaluationKind };
  const near = typeof kind === 'string' ? nearest(kind, kinds) : undefined;
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `evaluate() knows no kind ${shown(kind)}${meant}`, {
    hint,
  });
}

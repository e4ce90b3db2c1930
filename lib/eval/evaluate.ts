/** Which evaluations there are, and starting one: `evaluate()`. */
import type { EvaluateOptions } from './events.js';
import type { PackRequest, PackResult } from './pack.js';
import type { ScoresResult } from './scores/result.js';
import type { ScoresRequest } from './scores.js';
import type { ShapesRequest, ShapesResult } from './shapes.js';
import type { WatchRequest, WatchResult } from './watch/watch.js';

/**
 * Each kind with its request and its result. One who adds a kind adds a line here and one to `evaluations`; the
 * command calls the same function.
 */
export interface Evaluation {
  readonly pack: { readonly request: PackRequest; readonly result: PackResult };
  readonly scores: { readonly request: ScoresRequest; readonly result: ScoresResult };
  readonly shapes: { readonly request: ShapesRequest; readonly result: ShapesResult };
  readonly watch: { readonly request: WatchRequest; readonly result: WatchResult };
}

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

/** Loaded when asked for. */
const evaluations: Evaluations = {
  pack: async (request, options) => (await import('./pack.js')).evaluatePack(request, options),
  scores: async (request, options) => (await import('./scores.js')).evaluateScores(request, options),
  shapes: async (request, options) => (await import('./shapes.js')).evaluateShapes(request, options),
  watch: async (request, options) => (await import('./watch/watch.js')).evaluateWatch(request, options),
};

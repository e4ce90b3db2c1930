/** Which evaluations there are, and starting one: `evaluate()`. */
import type { EvaluateOptions } from './events.js';

/**
 * Each kind with its request and its result. One who adds a kind adds a line here and one to `evaluations`; the
 * command calls the same function.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the kinds.
export interface Evaluation {}

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
const evaluations: Evaluations = {};

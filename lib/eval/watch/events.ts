/** What `eval watch` tells beside what every evaluation tells. */
import type { CheckpointEvaluation } from './evaluations.js';

export type WatchEvent = CheckpointEvaluatedEvent | CheckpointSkippedEvent | WaitingEvent;

/** A checkpoint is measured, and its line is written. */
export interface CheckpointEvaluatedEvent extends CheckpointEvaluation {
  readonly type: 'evaluation';
}

/** A checkpoint is not measured: it was removed meanwhile, or is damaged. */
export interface CheckpointSkippedEvent {
  readonly type: 'skipped';
  readonly step: number;
  readonly message: string;
}

/** There is nothing to measure now; told once each time that it begins. */
export interface WaitingEvent {
  readonly type: 'waiting';
  /** For what, as a sentence's end: "the next checkpoint of runs/dit". */
  readonly for: string;
}

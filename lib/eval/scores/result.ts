/** What comes of scorers' results: figures of every run, side by side. */
import type { WrittenReport } from '../html/write-report.js';
import type { ScorerKind } from './run-scores.js';

/** One figure of one run, or the difference of one figure between two. */
export interface Score {
  /** `overall`, `counting`, `l1_entity`. */
  readonly key: string;
  readonly title: string;
  /** main: of the paper's table. */
  readonly group: 'main' | 'detail';
  /** In the scale of the result; null where the run has nothing of it. */
  readonly value: number | null;
  /** Ends of the 95 % interval, where there is one. */
  readonly low?: number;
  readonly high?: number;
  /** That it is of; 0 where the scorer's summary alone tells it. */
  readonly prompts: number;
}

export interface ScoredRun {
  readonly name: string;
  /** Of the result file. */
  readonly path: string;
  readonly prompts: number;
  readonly pictures: number;
  readonly scores: readonly Score[];
}

export interface RunDifference {
  /** Of the run. */
  readonly name: string;
  /** The run that is taken away from it. */
  readonly minus: string;
  /** That both have; the difference is of these. */
  readonly prompts: number;
  readonly scores: readonly Score[];
}

export interface ScoresFiles extends WrittenReport {
  readonly markdown: string;
  readonly png: string;
}

/** What `evaluate({ kind: 'scores' })` gives. */
export interface ScoresResult {
  readonly as: ScorerKind;
  /** What a perfect score is: 1, or 100. */
  readonly scale: number;
  /** Null where no draws were asked for. */
  readonly interval: {
    readonly level: number;
    readonly method: string;
    readonly draws: number;
    readonly seed: number;
  } | null;
  readonly runs: readonly ScoredRun[];
  /** Every run after the first, less the first. */
  readonly differences: readonly RunDifference[];
  /** The paper's figures, by key. */
  readonly published?: {
    readonly title: string;
    readonly note: string;
    readonly scores: Readonly<Record<string, number>>;
  };
  /** What is partial or unusual, in words. */
  readonly warnings: readonly string[];
  readonly files?: ScoresFiles;
}

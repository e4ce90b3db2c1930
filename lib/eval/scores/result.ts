/** What is asked of scorers' results, and what comes of them: figures of every run, side by side. */
import type { WrittenReport } from '../html/write-report.js';
import type { ScorerKind } from './run-scores.js';

/** What `evaluate({ kind: 'scores' })` takes. */
export interface ScoresRequest {
  /** Result files of one scorer, each perhaps with the name that its column bears. */
  readonly results: readonly {
    /** Of the file: a path or a `file:` URL. */
    readonly path: string | URL;
    /** Default: the file's name, with the folders above it where two have one name. */
    readonly name?: string | undefined;
  }[];
  /** Told from the files where not given. */
  readonly as?: ScorerKind | undefined;
  /** dpg_bench.csv or geneval2_data.jsonl: tells what each score is of. */
  readonly questions?: string | URL | undefined;
  /** Draws for the 95 % intervals, 0 to 100,000. Default: 1000. */
  readonly bootstrap?: number | undefined;
  /** Of the draws. Default: 0. */
  readonly seed?: number | undefined;
  /** Add the paper's own figures. Default: false. */
  readonly published?: boolean | undefined;
  /** Folder for report.html, report.md, scores.png and results.json. Default: nothing is written. */
  readonly out?: string | URL | undefined;
}

/** One figure of one run, or the difference of one figure between two. */
export interface Score {
  /** `overall`, `counting`, `l1_entity`. */
  readonly key: string;
  /** In words. */
  readonly title: string;
  /** main: of the paper's table; detail: what the scorer tells beside it. */
  readonly group: 'main' | 'detail';
  /** In the scale of the result; null where the run has nothing of it. */
  readonly value: number | null;
  /** Ends of the 95 % interval, where there is one. */
  readonly low?: number;
  /** As low. */
  readonly high?: number;
  /** That it is of; 0 where the scorer's summary alone tells it. */
  readonly prompts: number;
}

/** The figures of one result file. */
export interface ScoredRun {
  /** What its column is called. */
  readonly name: string;
  /** Of the result file. */
  readonly path: string;
  /** That the file has scores of; 0 where it is a summary. */
  readonly prompts: number;
  /** Of all prompts together. */
  readonly pictures: number;
  /** In the order of the paper's table, then in detail. */
  readonly scores: readonly Score[];
}

/** One run less another. */
export interface RunDifference {
  /** Of the run. */
  readonly name: string;
  /** The run that is taken away from it. */
  readonly minus: string;
  /** That both have; the difference is of these. */
  readonly prompts: number;
  /** Of figures that both have. */
  readonly scores: readonly Score[];
}

/** What was written. */
export interface ScoresFiles extends WrittenReport {
  /** report.md: the same tables. */
  readonly markdown: string;
  /** scores.png: bars with their intervals. */
  readonly png: string;
}

/** What `evaluate({ kind: 'scores' })` gives. */
export interface ScoresResult {
  /** Which scorer has written the files. */
  readonly as: ScorerKind;
  /** What a perfect score is: 1, or 100. */
  readonly scale: number;
  /** Null where no draws were asked for. */
  readonly interval: {
    /** Part of the draws inside of it. */
    readonly level: number;
    /** In words. */
    readonly method: string;
    /** Of prompts. */
    readonly draws: number;
    /** Of the draws. */
    readonly seed: number;
  } | null;
  /** In the order of the request. */
  readonly runs: readonly ScoredRun[];
  /** Every run after the first, less the first. */
  readonly differences: readonly RunDifference[];
  /** The paper's figures, by key. */
  readonly published?: {
    /** Above the column. */
    readonly title: string;
    /** How they were made. */
    readonly note: string;
    /** In the scale of the result. */
    readonly scores: Readonly<Record<string, number>>;
  };
  /** What is partial or unusual, in words. */
  readonly warnings: readonly string[];
  /** Absent where nothing was to be written. */
  readonly files?: ScoresFiles;
}

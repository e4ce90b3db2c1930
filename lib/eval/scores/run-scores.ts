/** What a scorer's result file says of a run, in one form for all scorers. */

/** Scorers whose results are read. */
export const SCORER_KINDS = ['geneval', 'geneval2', 'dpg'] as const;
export type ScorerKind = (typeof SCORER_KINDS)[number];

export const SCORER_TITLES: Readonly<Record<ScorerKind, string>> = {
  geneval: 'GenEval',
  geneval2: 'GenEval 2',
  dpg: 'DPG-Bench',
};

/** What a score of 1 is written as: GenEval's paper has 0.75, the others 85.78. */
export const SCORE_SCALES: Readonly<
  Record<ScorerKind, { readonly factor: number; readonly digits: number }>
> = {
  geneval: { factor: 1, digits: 3 },
  geneval2: { factor: 100, digits: 2 },
  dpg: { factor: 100, digits: 2 },
};

/** A figure of a scorer's table: a mean over what prompts contribute, or the mean of other figures. */
export interface FigureSpec {
  readonly key: string;
  readonly title: string;
  /** Keys of figures that it is the plain mean of. */
  readonly meanOf?: readonly string[];
  /** main: of the paper's table; detail: what the scorer tells beside it. */
  readonly group: 'main' | 'detail';
}

/** What one prompt adds to a figure: the figure is all sums over all counts. */
export interface Tally {
  readonly sum: number;
  readonly count: number;
}

export interface ScoredPrompt {
  /** The same prompt has the same in every run. */
  readonly key: string;
  /** Prompts are drawn anew within it: GenEval's task. */
  readonly stratum: string;
  readonly pictures: number;
  /** By figure; in 0 to 1. */
  readonly tallies: ReadonlyMap<string, Tally>;
}

/** A picture, or a grid of them, with what the scorer found. */
export interface ScoredPicture {
  /** As the scorer wrote it. */
  readonly path: string;
  readonly prompt?: string | undefined;
  /** 0 to 1. */
  readonly score: number;
  /** Where the scorer says yes or no. */
  readonly correct?: boolean | undefined;
  readonly task?: string | undefined;
  /** What is wrong, a sentence each. */
  readonly reasons: readonly string[];
}

export interface RunScores {
  readonly as: ScorerKind;
  /** What the run is called in tables. */
  readonly name: string;
  /** Of the result file, as the user named it. */
  readonly path: string;
  readonly figures: readonly FigureSpec[];
  /** Empty where the file is a summary. */
  readonly prompts: readonly ScoredPrompt[];
  /** Figures that only the scorer's own summary tells, in 0 to 1: they have no interval. */
  readonly told: ReadonlyMap<string, number>;
  readonly pictures: readonly ScoredPicture[];
  /** What is missing or unusual, in words. */
  readonly warnings: readonly string[];
}

/** The figures of SVG-T2I's paper, to set beside one's own. */
import type { ScorerKind } from './run-scores.js';

export interface PublishedScores {
  /** Above the column. */
  readonly title: string;
  /** How they were made, as far as the paper says. */
  readonly note: string;
  /** By figure, in 0 to 1. */
  readonly scores: ReadonlyMap<string, number>;
}

/** Source: "SVG-T2I" (2512.11749), its tables of GenEval and DPG-Bench; with prompts that a language model has rewritten, at 1024 x 1024. */
const PUBLISHED: Readonly<Partial<Record<ScorerKind, PublishedScores>>> = {
  geneval: {
    title: 'published SVG-T2I',
    note: "the paper's own figures: rewritten prompts, 1024 x 1024",
    scores: new Map([
      ['single_object', 0.94],
      ['two_object', 0.89],
      ['counting', 0.49],
      ['colors', 0.89],
      ['position', 0.69],
      ['color_attr', 0.62],
      ['overall', 0.75],
    ]),
  },
  dpg: {
    title: 'published SVG-T2I',
    note: "the paper's own figures: 1024 x 1024",
    scores: new Map([
      ['l1_global', 0.885],
      ['l1_entity', 0.91],
      ['l1_attribute', 0.9186],
      ['l1_relation', 0.9221],
      ['l1_other', 0.9186],
      ['overall', 0.8578],
    ]),
  },
};

/** Undefined where the paper has none. */
export function publishedScores(as: ScorerKind): PublishedScores | undefined {
  return PUBLISHED[as];
}

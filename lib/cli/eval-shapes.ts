/** The work of `svg-t2i eval shapes`: pictures of a model, or of a folder, judged by what they show. */
import { resolve } from 'node:path';
import {
  DEFAULT_PER_CATEGORY,
  type Judging,
  judgeDrawn,
  judgeFolder,
  judgeReconstructed,
} from '../eval/shapes-judging.js';
import { type ShapesReportFacts, writeShapesReport } from '../eval/shapes-report.js';
import type { Evaluation } from '../shapes/evaluation.js';
import { SCORE_COLUMNS } from '../shapes/score.js';
import type { Category } from '../shapes/vocabulary.js';
import { formatTable, note, printJson, printLine, warn } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import { type DrawConfig, printedConfig } from './sample-config.js';
import { listenForInterrupt } from './signals.js';
import { prepareFolder } from './write-file.js';

export interface EvalOptions {
  /** Where the sheet, the list of failures and the report go. */
  readonly output: string;
  readonly categories: readonly Category[];
  /** Of each category; all of a folder's where not given. */
  readonly perCategory: number | undefined;
  readonly json: boolean;
  /** As it was typed. */
  readonly command: string;
}

/** Draws held-out prompts with a model and judges the pictures. */
export async function evalModel(config: DrawConfig, seed: number, options: EvalOptions): Promise<void> {
  await evaluate(options, drawnFacts(config, seed, options, 'pictures'), (judging) =>
    judgeDrawn({ ...judging, found: config.found, sample: config.sample, seed }),
  );
}

/** Judges what a model's autoencoder makes of drawn held-out scenes: no picture of the model can be better. */
export async function evalReconstructions(
  config: DrawConfig,
  seed: number,
  options: EvalOptions,
): Promise<void> {
  await evaluate(options, drawnFacts(config, seed, options, 'reconstructions'), (judging) =>
    judgeReconstructed({ ...judging, found: config.found, sample: config.sample, seed }),
  );
}

/** Judges the pictures of a folder that `svg-t2i dataset shapes` wrote, or that has such a list. */
export async function evalFolder(folder: string, options: EvalOptions): Promise<void> {
  const { categories, perCategory } = options;
  const facts = {
    what: `pictures of ${folder}`,
    settings: { images: resolve(folder), categories, perCategory },
  };
  await evaluate(options, facts, (judging) => judgeFolder(folder, judging));
}

function drawnFacts(config: DrawConfig, seed: number, options: EvalOptions, kind: string) {
  const { categories, perCategory = DEFAULT_PER_CATEGORY } = options;
  const { model, sample } = printedConfig(config);
  return {
    what: `${kind} of ${config.model.pretrained ?? config.model.dit ?? 'the parts that were given'}`,
    settings: { categories, perCategory, seed, model, sample: { ...sample, count: 1, seed } },
  };
}

async function evaluate(
  { output, categories, perCategory, json, command }: EvalOptions,
  facts: Pick<ShapesReportFacts, 'what' | 'settings'>,
  judge: (judging: Judging) => Promise<Evaluation>,
): Promise<void> {
  using interrupt = listenForInterrupt();
  const warnings: string[] = [];
  let bar: ProgressBar | undefined;
  const aside = (print: () => void) => (bar === undefined ? print() : bar.aside(print));
  let evaluation: Evaluation;
  try {
    evaluation = await judge({
      categories,
      perCategory,
      signal: interrupt.signal,
      onStart: async (total) => {
        await prepareFolder(output, 0);
        bar = createProgressBar(json ? 0 : total);
      },
      onJudged: ({ judged, correct }) => bar?.update(judged, `${correct} of ${judged} correct`),
      onWarning: (message) => {
        warnings.push(message);
        aside(() => warn(message));
      },
    });
  } finally {
    bar?.stop();
  }
  const files = await writeShapesReport(output, evaluation, { ...facts, command, warnings });
  if (json) {
    printJson(evaluation.scores);
    return;
  }
  printLine(formatTable(SCORE_COLUMNS, evaluation.rows));
  note(`pictures, green where right: ${files.sheet}`);
  note(`what was wrong: ${files.failures}`);
  note(`report: ${files.html}`);
}

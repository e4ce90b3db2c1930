/** The work of `svg-t2i eval shapes`: pictures of a model, or of a folder, judged by what they show. */
import { join } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { readImage } from '../image/decode.js';
import { encodeImage } from '../image/encode.js';
import { SvgT2I } from '../pipeline.js';
import { layoutOf, MODEL_PARTS } from '../release/layout.js';
import { drawScene } from '../shapes/draw.js';
import { evalPrompts } from '../shapes/eval-prompts.js';
import { Evaluation } from '../shapes/evaluation.js';
import { LIST_NAME, type ListedScene, readSceneList } from '../shapes/manifest.js';
import { SCORE_COLUMNS } from '../shapes/score.js';
import type { Category } from '../shapes/vocabulary.js';
import { formatTable, note, printJson, printLine, warn } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import type { DrawConfig } from './sample-config.js';
import { listenForInterrupt } from './signals.js';
import { prepareFolder, writeWhole } from './write-file.js';

export interface EvalOptions {
  /** Where the sheet and the list of failures go. */
  readonly output: string;
  readonly categories: readonly Category[];
  /** Of each category; all of a folder's where not given. */
  readonly perCategory: number | undefined;
  readonly json: boolean;
}

const DEFAULT_PER_CATEGORY = 50;

/** Draws held-out prompts with a model and judges the pictures. */
export async function evalModel(config: DrawConfig, seed: number, options: EvalOptions): Promise<void> {
  const { categories, perCategory = DEFAULT_PER_CATEGORY, json } = options;
  const examples = evalPrompts(seed, perCategory, categories);
  layoutOf(config.found, MODEL_PARTS);
  await prepareFolder(options.output, 0);
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const bar = createProgressBar(json ? 0 : examples.length);
  const evaluation = new Evaluation();
  try {
    await using pipeline = await SvgT2I.loadFound(config.found, { signal });
    for (const message of pipeline.warnings) bar.aside(() => warn(message));
    const prompt = examples.map((example) => example.prompt);
    for await (const event of pipeline.stream({ ...config.sample, count: 1, seed, prompt, signal })) {
      if (event.type === 'warning') bar.aside(() => warn(event.message));
      if (event.type !== 'image') continue;
      const example = examples[event.index];
      if (example === undefined) continue;
      const origin = { index: event.index, seed: event.image.seed };
      evaluation.add({ prompt: example.prompt, asked: example.scene.asked, origin }, event.image);
      showProgress(bar, evaluation);
    }
  } finally {
    bar.stop();
  }
  await report(evaluation, options);
}

/** Judges what a model's autoencoder makes of drawn held-out scenes: no picture of the model can be better. */
export async function evalReconstructions(
  config: DrawConfig,
  seed: number,
  options: EvalOptions,
): Promise<void> {
  const { categories, perCategory = DEFAULT_PER_CATEGORY, json } = options;
  const { width, height } = config.sample;
  if (width !== height) {
    const message = `scenes are square, they cannot be drawn with ${width}x${height} pixels`;
    throw new SvgT2IError('ERR_SVGT2I_USAGE', message);
  }
  const parts = ['autoencoder'] as const;
  layoutOf(config.found, parts);
  await prepareFolder(options.output, 0);
  const examples = evalPrompts(seed, perCategory, categories);
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const bar = createProgressBar(json ? 0 : examples.length);
  const evaluation = new Evaluation();
  try {
    await using pipeline = await SvgT2I.loadFound(config.found, { parts, signal });
    for (const [index, { prompt, scene }] of examples.entries()) {
      const [result] = await pipeline.reconstruct([drawScene(scene, width)], { signal });
      if (result === undefined) continue;
      evaluation.add({ prompt, asked: scene.asked, origin: { index, seed } }, result.image);
      showProgress(bar, evaluation);
    }
  } finally {
    bar.stop();
  }
  await report(evaluation, options);
}

/** Judges the pictures of a folder that `svg-t2i dataset shapes` wrote, or that has such a list. */
export async function evalFolder(folder: string, options: EvalOptions): Promise<void> {
  const { categories, perCategory, output, json } = options;
  const listed = await readSceneList(join(folder, LIST_NAME));
  const chosen = firstOfEach(listed, categories, perCategory);
  await prepareFolder(output, 0);
  using interrupt = listenForInterrupt();
  const bar = createProgressBar(json ? 0 : chosen.length);
  const evaluation = new Evaluation();
  try {
    for (const { path, prompt, asked } of chosen) {
      interrupt.signal.throwIfAborted();
      evaluation.add({ prompt, asked, origin: { path } }, await readImage(path));
      showProgress(bar, evaluation);
    }
  } finally {
    bar.stop();
  }
  await report(evaluation, options);
}

function firstOfEach(
  listed: readonly ListedScene[],
  categories: readonly Category[],
  limit = Number.POSITIVE_INFINITY,
): readonly ListedScene[] {
  const taken = new Map<Category, number>(categories.map((category) => [category, 0]));
  return listed.filter(({ asked: { category } }) => {
    const before = taken.get(category) ?? limit;
    taken.set(category, before + 1);
    return before < limit;
  });
}

function showProgress(bar: ProgressBar, evaluation: Evaluation): void {
  bar.update(evaluation.judged, `${evaluation.correct} of ${evaluation.judged} correct`);
}

async function report(evaluation: Evaluation, { output, json }: EvalOptions): Promise<void> {
  const sheet = join(output, 'sheet.png');
  const failures = join(output, 'failures.jsonl');
  await writeWhole(sheet, await encodeImage(evaluation.sheet(), { format: 'png' }));
  await writeWhole(failures, Buffer.from(evaluation.failureLines()));
  if (json) {
    printJson(evaluation.scores);
    return;
  }
  printLine(formatTable(SCORE_COLUMNS, evaluation.rows));
  note(`pictures, green where right: ${sheet}`);
  note(`what was wrong: ${failures}`);
}

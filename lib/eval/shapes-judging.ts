/** Pictures of shapes one after another into an evaluation: drawn, reconstructed, or read from a folder. */
import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import type { ResolvedModelOptions } from '../config/model.js';
import type { Settings } from '../config/settings.js';
import { SvgT2IError } from '../errors.js';
import { readImage } from '../image/decode.js';
import { SvgT2I } from '../pipeline.js';
import type { FoundRelease } from '../release/found-release.js';
import { layoutOf, MODEL_PARTS } from '../release/layout.js';
import { drawScene } from '../shapes/draw.js';
import { evalPrompts } from '../shapes/eval-prompts.js';
import { Evaluation } from '../shapes/evaluation.js';
import { LIST_NAME, type ListedScene, readSceneList } from '../shapes/manifest.js';
import type { Category } from '../shapes/vocabulary.js';

/** Where nobody says otherwise. */
export const DEFAULT_PER_CATEGORY = 50;

/** What is judged, and who hears of it. */
export interface Judging {
  readonly categories: readonly Category[];
  /** Of each category; all of a folder's where not given. */
  readonly perCategory?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once the number of pictures is known, with what comes next. */
  readonly onStart?: ((total: number) => Promise<void> | void) | undefined;
  readonly onJudged?: ((evaluation: Evaluation, total: number) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

export interface DrawnJudging extends Judging {
  readonly found: FoundRelease<ResolvedModelOptions>;
  readonly sample: Settings;
  /** Of prompts and pictures. */
  readonly seed: number;
}

/**
 * Draws held-out prompts with a model and judges the pictures.
 *
 * @throws SvgT2IError as SvgT2I.load() and stream(); or the signal's reason
 */
export async function judgeDrawn({ found, sample, seed, ...judging }: DrawnJudging): Promise<Evaluation> {
  const { categories, perCategory = DEFAULT_PER_CATEGORY, signal, onWarning } = judging;
  const examples = evalPrompts(seed, perCategory, categories);
  layoutOf(found, MODEL_PARTS);
  await judging.onStart?.(examples.length);
  const evaluation = new Evaluation();
  await using pipeline = await SvgT2I.loadFound(found, { signal });
  for (const message of pipeline.warnings) onWarning?.(message);
  const prompt = examples.map((example) => example.prompt);
  for await (const event of pipeline.stream({ ...sample, count: 1, seed, prompt, signal })) {
    if (event.type === 'warning') onWarning?.(event.message);
    if (event.type !== 'image') continue;
    const example = examples[event.index];
    if (example === undefined) continue;
    const origin = { index: event.index, seed: event.image.seed };
    evaluation.add({ prompt: example.prompt, asked: example.scene.asked, origin }, event.image);
    judging.onJudged?.(evaluation, examples.length);
  }
  return evaluation;
}

/**
 * Judges what a model's autoencoder makes of drawn held-out scenes: no picture of the model can be better.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE for sides that are not equal; as SvgT2I.load(); or the signal's reason
 */
export async function judgeReconstructed({
  found,
  sample,
  seed,
  ...judging
}: DrawnJudging): Promise<Evaluation> {
  const { categories, perCategory = DEFAULT_PER_CATEGORY, signal } = judging;
  const { width = 0, height = 0 } = sample;
  if (width !== height) {
    const message = `scenes are square, they cannot be drawn with ${width}x${height} pixels`;
    throw new SvgT2IError('ERR_SVGT2I_USAGE', message);
  }
  const parts = ['autoencoder'] as const;
  layoutOf(found, parts);
  const examples = evalPrompts(seed, perCategory, categories);
  await judging.onStart?.(examples.length);
  const evaluation = new Evaluation();
  await using pipeline = await SvgT2I.loadFound(found, { parts, signal });
  for (const [index, { prompt, scene }] of examples.entries()) {
    const [result] = await pipeline.reconstruct([drawScene(scene, width)], { signal });
    if (result === undefined) continue;
    evaluation.add({ prompt, asked: scene.asked, origin: { index, seed } }, result.image);
    judging.onJudged?.(evaluation, examples.length);
  }
  return evaluation;
}

/**
 * Judges the pictures of a folder that `svg-t2i dataset shapes` wrote, or that has such a list.
 *
 * @throws SvgT2IError as readSceneList() and readImage(); or the signal's reason
 */
export async function judgeFolder(folder: string, judging: Judging): Promise<Evaluation> {
  const { categories, perCategory, signal } = judging;
  const listed = await readSceneList(join(folder, LIST_NAME));
  const chosen = firstOfEach(listed, categories, perCategory);
  await judging.onStart?.(chosen.length);
  const evaluation = new Evaluation();
  for (const { path, prompt, asked } of chosen) {
    throwIfAborted(signal);
    evaluation.add({ prompt, asked, origin: { path } }, await readImage(path));
    judging.onJudged?.(evaluation, chosen.length);
  }
  return evaluation;
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

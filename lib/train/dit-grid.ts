/** The pictures that a run draws of its fixed prompts and seeds. */
import { MAX_SIDE_CELLS, PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { requestSchemaOf } from '../config/request.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { gridImage } from '../image/grid.js';
import type { RgbImage } from '../image/rgb-image.js';
import { SampleRun } from '../pipeline/sample-run.js';
import { subjectsOf } from '../pipeline/subjects.js';
import type { GenerateEvent } from '../pipeline/types.js';
import { DIT_KINDS } from '../release/dit-kind.js';
import type { Loaded } from '../release/load.js';
import type { LoadedDit } from '../release/types.js';

/** Between two pictures. */
const GRID_GAP_PX = 4;

/** What is drawn in place of the run's own samples. */
export interface AskedPictures {
  /** Of a model that reads text. */
  readonly prompts?: readonly string[] | undefined;
  readonly seed?: number | undefined;
}

/** Draws with the weights that were published last. */
export async function drawGrid(
  config: DitTrainingConfig,
  loaded: Loaded,
  parameters: number,
  signal?: AbortSignal,
): Promise<RgbImage> {
  const images: RgbImage[] = [];
  for await (const event of drawSamples(config, loaded, parameters, { signal })) {
    if (event.type === 'image') images.push(event.image);
  }
  return gridImage(images, { gapPx: GRID_GAP_PX });
}

/** The pictures of the grid, or others, with the run's settings of samples; one for each prompt, or class. */
export async function* drawSamples(
  config: DitTrainingConfig,
  loaded: Loaded,
  parameters: number,
  {
    signal = new AbortController().signal,
    asked = {},
  }: { readonly signal?: AbortSignal | undefined; readonly asked?: AskedPictures },
): AsyncGenerator<GenerateEvent, void> {
  const { every, prompts, classes, weights, width, height, seed, ...settings } = config.samples;
  const { model } = config;
  const { resolution } = config.data;
  const cellPixels = loaded.models.autoencoder?.cellPixels ?? PUBLISHED_CELL_PIXELS;
  const prompt = [...(asked.prompts ?? prompts)];
  const request = validate(requestSchemaOf(cellPixels), {
    ...settings,
    prompt,
    width: width ?? resolution,
    height: height ?? resolution,
  });
  if (loaded.tokenizer === undefined && model.kind !== 'svg') {
    throw new SvgT2IError('ERR_SVGT2I_NOT_LOADED', 'the text encoder was not loaded');
  }
  const shown =
    model.kind === 'svg' ? subjectsOf({ class: classesOf(classes, model.num_classes) }, undefined) : {};
  const run = new SampleRun(
    {
      ...loaded,
      kind: DIT_KINDS[model.kind ?? 'next-dit'],
      models: { ...loaded.models, dit: ditDimensions(config, parameters) },
    },
    model.kind === 'svg' ? undefined : loaded.tokenizer,
    { ...request, prompt, ...shown, seed: asked.seed ?? (seed === 'random' ? 0 : seed) },
    {
      noise: undefined,
      only: undefined,
      returnLatents: false,
      returnDecoded: false,
      previewEvery: 0,
      keepGoing: false,
      enhance: async (prompt) => prompt,
    },
  );
  yield* run.events(signal);
}

/** Those that the model has, else its first. */
function classesOf(classes: readonly number[], count: number): number[] {
  const known = classes.filter((number) => number < count);
  return known.length === 0 ? [0] : known;
}

function ditDimensions({ model }: DitTrainingConfig, parameters: number): LoadedDit {
  if (model.kind === 'svg') {
    const { in_channels: channels, num_classes: classes } = model;
    const none = { captionDim: 0, maxCaptionTokens: 0 };
    const cells = { maxLatentRows: MAX_SIDE_CELLS, maxLatentColumns: MAX_SIDE_CELLS };
    return { channels, condition: 'class', classes, parameters, patchSize: 1, ...none, ...cells };
  }
  const [caption, rows, columns] = model.axes_lens;
  return {
    channels: model.in_channels,
    condition: 'text' as const,
    captionDim: model.cap_feat_dim,
    parameters,
    patchSize: model.patch_size,
    // The image's own place on the caption axis takes one.
    maxCaptionTokens: caption - 1,
    maxLatentRows: rows * model.patch_size,
    maxLatentColumns: columns * model.patch_size,
  };
}

/** The pictures that a run draws of its fixed prompts and seeds. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { requestSchemaOf } from '../config/request.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { gridImage } from '../image/grid.js';
import type { RgbImage } from '../image/rgb-image.js';
import { SampleRun } from '../pipeline/sample-run.js';
import type { Loaded } from '../release/load.js';

const GAP_PX = 4;

/** Draws with the weights that were published last. */
export async function drawGrid(
  config: DitTrainingConfig,
  loaded: Loaded,
  parameters: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<RgbImage> {
  const { every, prompts, weights, width, height, seed, ...settings } = config.samples;
  const { resolution } = config.data;
  const cellPixels = loaded.models.autoencoder?.cellPixels ?? PUBLISHED_CELL_PIXELS;
  const request = validate(requestSchemaOf(cellPixels), {
    ...settings,
    prompt: prompts,
    width: width ?? resolution,
    height: height ?? resolution,
  });
  if (loaded.tokenizer === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_NOT_LOADED', 'the text encoder was not loaded');
  }
  const run = new SampleRun(
    { ...loaded, models: { ...loaded.models, dit: ditDimensions(config, parameters) } },
    loaded.tokenizer,
    { ...request, prompt: prompts, seed: seed === 'random' ? 0 : seed },
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
  const images: RgbImage[] = [];
  for await (const event of run.events(signal)) {
    if (event.type === 'image') images.push(event.image);
  }
  return gridImage(images, { gapPx: GAP_PX });
}

function ditDimensions({ model }: DitTrainingConfig, parameters: number) {
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

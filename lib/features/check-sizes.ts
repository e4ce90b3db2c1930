/** Whether a model takes every size that pictures are cut to: told before anything is loaded. */
import { cellPixelsOf, MAX_SIDE_CELLS, PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { TrainingConfig } from '../config/train.js';
import type { AutoencoderTrainingConfig } from '../config/train-autoencoder.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { Size } from '../data/buckets.js';
import { SvgT2IError } from '../errors.js';
import { findCellPixels } from '../release/cell-pixels.js';
import { pictureSizes, type SizeOptions } from './picture-sizes.js';

/** Three halvings and two more convolutions of 4x4 leave nothing of a shorter side. */
const DISCRIMINATOR_LEAST_PX = 24;

/** Of either stage: for a process that trains nothing itself. @throws SvgT2IError as checkAutoencoderSizes */
export function checkTrainingSizes(config: TrainingConfig): void {
  if (config.stage === 'autoencoder') {
    checkAutoencoderSizes(config);
    return;
  }
  const cellPixels = findCellPixels(config.frozen);
  checkDitSizes(config, cellPixels);
  checkSampleSizes(config, cellPixels);
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG with the size that the model cannot take */
export function checkAutoencoderSizes({ data, loss, model }: AutoencoderTrainingConfig): void {
  const cellPixels = cellPixelsOf(model.decoder);
  const sizes = pictureSizes({ ...data, cellPixels });
  if (loss.discWeight > 0 && loss.discFactor > 0) {
    refuse(
      data,
      sizes.find(({ width, height }) => Math.min(width, height) < DISCRIMINATOR_LEAST_PX),
      `the discriminator needs ${Math.ceil(DISCRIMINATOR_LEAST_PX / cellPixels) * cellPixels} pixels a side`,
      'or set loss.discWeight to 0',
    );
  }
  if (model.residual?.align_distribution === true) {
    refuse(
      data,
      sizes.find(({ width, height }) => width * height <= cellPixels ** 2),
      `aligning the residual branch needs two latent cells, of ${cellPixels} pixels a side, or more`,
      'or set model.residual.align_distribution to false',
    );
  }
}

/**
 * Whether the square picture of the resolution is one of whole cells, and of whole patches of them.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG
 */
export function checkResolution(
  { resolution }: Pick<SizeOptions, 'resolution'>,
  cellPixels: number,
  patchSize = 1,
): void {
  const token = cellPixels * patchSize;
  if (resolution % token === 0) return;
  const forPatches = patchSize === 1 ? '' : ` for patch_size ${patchSize}`;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_CONFIG',
    `data.resolution: must be a multiple of ${token}${forPatches}, got ${resolution}`,
    { hint: `A cell of the autoencoder has ${cellPixels} pixels a side.` },
  );
}

/** @throws SvgT2IError as checkAutoencoderSizes */
export function checkDitSizes({ data, model }: DitTrainingConfig, cellPixels = PUBLISHED_CELL_PIXELS): void {
  checkResolution(data, cellPixels, model.patch_size);
  const sizes = pictureSizes({ ...data, cellPixels });
  const token = cellPixels * model.patch_size;
  refuse(
    data,
    sizes.find(({ width, height }) => width % token !== 0 || height % token !== 0),
    `model.patch_size ${model.patch_size} needs multiples of ${token} pixels`,
    'or model.patch_size 1',
  );
  if (model.kind === 'svg') {
    const most = MAX_SIDE_CELLS * cellPixels;
    refuse(
      data,
      sizes.find(({ width, height }) => Math.max(width, height) > most),
      `the model takes at most ${most} pixels a side`,
      'or an autoencoder with larger cells',
    );
    return;
  }
  const [, rows, columns] = model.axes_lens;
  refuse(
    data,
    sizes.find(({ width, height }) => height > rows * token || width > columns * token),
    `model.axes_lens has places for ${columns * token}x${rows * token} pixels`,
    'or lengthen model.axes_lens',
  );
}

/**
 * Of the pictures that the run draws: what would be refused only when the first grid is drawn.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG with the side that the models cannot draw
 */
export function checkSampleSizes({ samples, data, model }: DitTrainingConfig, cellPixels: number): void {
  if (samples.every === 0) return;
  const token = cellPixels * model.patch_size;
  const [, rows, columns] = model.kind === 'svg' ? [] : model.axes_lens;
  for (const [side, places = Number.POSITIVE_INFINITY] of [
    ['width', columns],
    ['height', rows],
  ] as const) {
    const size = samples[side] ?? data.resolution;
    const most = Math.min(MAX_SIDE_CELLS * cellPixels, places * token);
    if (size % token === 0 && size <= most) continue;
    const name = samples[side] === undefined ? `samples.${side} (of data.resolution)` : `samples.${side}`;
    const need =
      size % token !== 0
        ? `a multiple of ${token}${model.patch_size === 1 ? '' : ` for patch_size ${model.patch_size}`}`
        : `at most ${most}${most < MAX_SIDE_CELLS * cellPixels ? ` for axes_lens of ${places}` : ''}`;
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${name}: must be ${need}, got ${size}`, {
      hint: `A cell of the autoencoder has ${cellPixels} pixels a side. Set samples.width and samples.height, or samples.every to 0.`,
    });
  }
}

function refuse(
  { resolution, aspect, maxRatio }: SizeOptions,
  size: Size | undefined,
  need: string,
  otherwise: string,
): void {
  if (size === undefined) return;
  const from = aspect === 'multi' ? `data.aspect multi, data.maxRatio ${maxRatio}` : 'data.aspect square';
  const fix = aspect === 'multi' ? ', a lower data.maxRatio, data.aspect square' : '';
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_CONFIG',
    `data.resolution ${resolution} (${from}) gives pictures of ${size.width}x${size.height}: ${need}`,
    { hint: `Take another data.resolution${fix}, ${otherwise}.` },
  );
}

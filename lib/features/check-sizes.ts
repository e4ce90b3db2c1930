/** Whether a model takes every size that pictures are cut to: told before anything is loaded. */
import { cellPixelsOf, PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { AutoencoderTrainingConfig } from '../config/train-autoencoder.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { Size } from '../data/buckets.js';
import { SvgT2IError } from '../errors.js';
import { pictureSizes, type SizeOptions } from './picture-sizes.js';

/** Three halvings and two more convolutions of 4x4 leave nothing of a shorter side. */
const DISCRIMINATOR_LEAST_PX = 24;

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

/** @throws SvgT2IError as checkAutoencoderSizes */
export function checkDitSizes({ data, model }: DitTrainingConfig, cellPixels = PUBLISHED_CELL_PIXELS): void {
  const sizes = pictureSizes({ ...data, cellPixels });
  const token = cellPixels * model.patch_size;
  refuse(
    data,
    sizes.find(({ width, height }) => width % token !== 0 || height % token !== 0),
    `model.patch_size ${model.patch_size} needs multiples of ${token} pixels`,
    'or model.patch_size 1',
  );
  if (model.kind === 'svg') return;
  const [, rows, columns] = model.axes_lens;
  refuse(
    data,
    sizes.find(({ width, height }) => height > rows * token || width > columns * token),
    `model.axes_lens has places for ${columns * token}x${rows * token} pixels`,
    'or lengthen model.axes_lens',
  );
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

/** Picture sizes of about one area and different aspect ratios, and which of them suits a picture best. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { SvgT2IError } from '../errors.js';
import { roundHalfEven } from '../image/center-crop.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface CropSizeOptions {
  /** Side of the square bucket in pixels; the area of all others is at most its square. */
  readonly resolution: number;
  /** Largest ratio of the longer to the shorter side. */
  readonly maxRatio?: number;
  /** Pixels a side of a latent's cell. Default: that of the published autoencoders. */
  readonly cellPixels?: number | undefined;
}

/**
 * The bucket sizes of a resolution, from the widest to the tallest.
 *
 * For every width the tallest heights that keep within the area are taken; a size is kept where floor(side / 32) is
 * even for both sides. Order and rule are those of SVG-T2I's generate_crop_size_list (patch 16).
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function cropSizeList({
  resolution,
  maxRatio = 4,
  cellPixels = PUBLISHED_CELL_PIXELS,
}: CropSizeOptions): readonly Size[] {
  if (!(resolution >= cellPixels) || resolution > 65536) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `resolution ${resolution} is not within ${cellPixels} to 65536 pixels`,
    );
  }
  if (!(maxRatio >= 1)) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `the largest side ratio ${maxRatio} is below 1`);
  }
  const budget = roundHalfEven((resolution / cellPixels) ** 2);
  const sizes: Size[] = [];
  const consider = (columns: number, rows: number): void => {
    const [width, height] = [columns * cellPixels, rows * cellPixels];
    const ratio = Math.max(columns, rows) / Math.min(columns, rows);
    if (ratio <= maxRatio && isEvenBlock(width) && isEvenBlock(height)) sizes.push({ width, height });
  };
  let rows = 1;
  for (let columns = budget; columns > 0; columns--) {
    consider(columns, rows);
    while ((rows + 1) * columns <= budget) consider(columns, ++rows);
  }
  return sizes;
}

function isEvenBlock(side: number): boolean {
  return Math.floor(side / 32) % 2 === 0;
}

/**
 * The bucket that keeps most of a picture: the largest ratio of the smaller to the larger of the two scales; among
 * equals the wider, then the taller one.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for an empty list
 */
export function chooseBucket(picture: Size, buckets: readonly Size[]): Size {
  let best: Size | undefined;
  let bestKept = -1;
  for (const bucket of buckets) {
    const scaleX = bucket.width / picture.width;
    const scaleY = bucket.height / picture.height;
    const kept = Math.min(scaleX, scaleY) / Math.max(scaleX, scaleY);
    if (best === undefined || kept > bestKept || (kept === bestKept && isLarger(bucket, best))) {
      best = bucket;
      bestKept = kept;
    }
  }
  if (best === undefined)
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', 'there is no bucket to choose from');
  return best;
}

function isLarger(a: Size, b: Size): boolean {
  return a.width > b.width || (a.width === b.width && a.height > b.height);
}

/** Several pictures as one. */
import { SvgT2IError } from '../errors.js';
import { type RgbImage, rgbImage } from './rgb-image.js';

/** How pictures are laid out. */
export interface GridOptions {
  /** Pictures a row; by default the squarest grid. */
  readonly columns?: number;
  /** Pixels between two pictures. */
  readonly gapPx?: number;
}

const WHITE = 255;

/** Pixels of a grid of equal pictures without gaps, by default the squarest. */
export function gridSize(
  count: number,
  cell: { readonly width: number; readonly height: number },
  columns = Math.ceil(Math.sqrt(count)),
): { readonly width: number; readonly height: number } {
  const perRow = Math.min(columns, count);
  return { width: perRow * cell.width, height: Math.ceil(count / perRow) * cell.height };
}

/**
 * A contact sheet, row by row on white. Cells have the size of the largest picture; smaller ones lie in the middle.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for no pictures, or no columns
 *
 * @example
 * const { images } = await pipe.generate({ prompt: 'a red fox', count: 4 });
 * await writeFile('sheet.png', await encodeImage(gridImage(images, { columns: 2, gapPx: 8 }), { format: 'png' }));
 */
export function gridImage(images: readonly RgbImage[], options: GridOptions = {}): RgbImage {
  const { columns = Math.ceil(Math.sqrt(images.length)), gapPx = 0 } = options;
  if (
    images.length === 0 ||
    !Number.isInteger(columns) ||
    columns < 1 ||
    !Number.isInteger(gapPx) ||
    gapPx < 0
  ) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `${images.length} pictures cannot be laid out in ${columns} columns with gaps of ${gapPx} px`,
    );
  }
  const perRow = Math.min(columns, images.length);
  const rows = Math.ceil(images.length / perRow);
  const cellWidth = Math.max(...images.map((image) => image.width));
  const cellHeight = Math.max(...images.map((image) => image.height));
  const width = perRow * cellWidth + (perRow - 1) * gapPx;
  const height = rows * cellHeight + (rows - 1) * gapPx;
  const sheet = rgbImage(width, height, new Uint8Array(width * height * 3).fill(WHITE));
  images.forEach((image, index) => {
    const left = (index % perRow) * (cellWidth + gapPx) + Math.floor((cellWidth - image.width) / 2);
    const top =
      Math.floor(index / perRow) * (cellHeight + gapPx) + Math.floor((cellHeight - image.height) / 2);
    paste(sheet, image, left, top);
  });
  return sheet;
}

function paste(sheet: RgbImage, image: RgbImage, left: number, top: number): void {
  const stride = image.width * 3;
  for (let row = 0; row < image.height; row++) {
    const line = image.data.subarray(row * stride, (row + 1) * stride);
    sheet.data.set(line, ((top + row) * sheet.width + left) * 3);
  }
}

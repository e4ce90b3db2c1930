/** How large a latent's cells are before a model is loaded: of a decoder's configuration, or as all published ones have them. */

import { DECODERS, MAX_SIDE_CELLS } from '../facts.js';

export { MAX_SIDE_CELLS };

/** Pixels a side of a cell of the published autoencoders; of another one its decoder says. */
export const PUBLISHED_CELL_PIXELS: number = DECODERS.conv.cellPixels;

/** What a decoder's configuration says of its cells, under the engine's keys. */
export interface DecoderCells {
  readonly kind?: string | undefined;
  readonly ch_mult?: readonly number[] | undefined;
  readonly ffactor_spatial?: number | undefined;
  readonly patch_size?: number | undefined;
}

/** Pixels a side of one cell: a convolutional decoder doubles both sides once a level after its first. */
export function cellPixelsOf(decoder: DecoderCells | undefined): number {
  if (decoder?.ffactor_spatial !== undefined) return decoder.ffactor_spatial;
  if (decoder?.patch_size !== undefined) return decoder.patch_size;
  if (decoder?.ch_mult !== undefined) return 2 ** (decoder.ch_mult.length - 1);
  return PUBLISHED_CELL_PIXELS;
}

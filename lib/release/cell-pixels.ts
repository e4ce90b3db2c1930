/** The cells of a release's autoencoder, told by its yaml before anything is loaded. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { findAutoencoder } from './autoencoder-files.js';
import { findFolder } from './layout.js';

/** Where there is no autoencoder, or no yaml with it, those of the published ones: loading says what is missing. */
export function findCellPixels(options: Pick<ResolvedModelOptions, 'pretrained' | 'autoencoder'>): number {
  const found = findAutoencoder(findFolder(options) ?? '.', options.autoencoder);
  return ('checkpoint' in found ? found.config?.cellPixels : undefined) ?? PUBLISHED_CELL_PIXELS;
}

/** The cells of a release's autoencoder, told by its yaml before anything is loaded. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { FoundRelease } from './found-release.js';

/** Where there is no autoencoder, or no yaml with it, those of the published ones: loading says what is missing. */
export function findCellPixels(options: Pick<ResolvedModelOptions, 'pretrained' | 'autoencoder'>): number {
  return new FoundRelease(options).cellPixels ?? PUBLISHED_CELL_PIXELS;
}

/** The weights that a run begins with. */
import { dirname, join } from 'node:path';
import type { WeightKind } from '../config/model.js';
import type { TrainingStage } from '../config/train.js';
import { SvgT2IError } from '../errors.js';
import { cachedFolder, cachedRelease, localPath } from '../hub/local.js';
import { findAutoencoder } from './autoencoder-files.js';
import { findDit } from './dit-files.js';
import { isFile, isFolder } from './find.js';

/**
 * The file of weights in `initFrom.path`: that file itself, or the one that `sample` would take from such a folder, or
 * from the export of a run folder.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING with every place looked in
 */
export function findStart(
  initFrom: { readonly path: string; readonly weights: WeightKind } | undefined,
  stage: TrainingStage,
): string | undefined {
  if (initFrom === undefined) return undefined;
  const path = localPath(initFrom.path, 'ERR_SVGT2I_WEIGHTS_MISSING');
  if (isFile(path) && !/\.ya?ml$/.test(path)) return path;
  const looked: string[] = [];
  const release = path === cachedFolder(initFrom.path) ? cachedRelease(initFrom.path) : [];
  for (const place of [path, join(path, 'export'), ...release]) {
    const found = stage === 'dit' ? findDitIn(place, initFrom.weights) : findAutoencoderIn(place);
    if (typeof found === 'string') return found;
    looked.push(...found);
  }
  throw new SvgT2IError(
    'ERR_SVGT2I_WEIGHTS_MISSING',
    `initFrom: no weights in ${path}: looked for ${looked.join(', ')}`,
    {
      hint: "Give a file of weights, a folder of the release, or a run folder; svg-t2i export writes a run's weights.",
    },
  );
}

function findDitIn(place: string, kind: WeightKind): string | readonly string[] {
  const looked: string[] = [];
  for (const found of [findDit(dirname(place), place, kind), findDit(place, undefined, kind)]) {
    if (typeof found === 'string') return found;
    looked.push(...found.looked);
  }
  return looked;
}

function findAutoencoderIn(place: string): string | readonly string[] {
  const found = isFolder(place) ? findAutoencoder(place, undefined) : findAutoencoder(dirname(place), place);
  return 'checkpoint' in found ? found.checkpoint : found.looked;
}

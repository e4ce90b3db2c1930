/** Where a release lies: the folder that was given, or the first of the usual places. */
import { join, resolve } from 'node:path';
import { hubNameOf } from '../config/hub-name.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { cachedRelease } from '../hub/local.js';
import { cacheHome } from '../install/paths.js';
import { isFolder } from './find.js';

/** The given folder, or the first of the usual places; the folder above `pre-trained`, or a name of the hub, will do too. */
export function findFolder({ pretrained }: Pick<ResolvedModelOptions, 'pretrained'>): string | undefined {
  return folderPlaces(pretrained).find(isFolder);
}

/** One repository holds both autoencoders; the name that it was called by says which. */
export function autoencoderOfName(pretrained: string | undefined, folder: string): string | undefined {
  const isOfR = pretrained !== undefined && hubNameOf(pretrained)?.short === 'svg-t2i-r';
  return isOfR && cachedRelease(pretrained).includes(folder) ? 'svg_autoencoder_R_stage3_1024' : undefined;
}

export function folderPlaces(pretrained: string | undefined): readonly string[] {
  const here = (pretrained === undefined ? ['.', cacheHome()] : [pretrained]).flatMap((place) => [
    join(resolve(place), 'pre-trained'),
    ...(pretrained === undefined ? [] : [resolve(place)]),
  ]);
  return [...here, ...cachedRelease(pretrained ?? 'svg-t2i')];
}

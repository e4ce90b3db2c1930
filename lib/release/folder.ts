/** Where a release lies: the folder that was given, or the first of the usual places. */
import { join, resolve } from 'node:path';
import type { ResolvedModelOptions } from '../config/model.js';
import { cachedRelease } from '../hub/local.js';
import { cacheHome } from '../install/paths.js';
import { autoencoderOfName } from './autoencoder-files.js';
import { isFolder } from './find.js';

/** The given folder, or the first of the usual places; the folder above `pre-trained`, or a name of the hub, will do too. */
export function findFolder({ pretrained }: Pick<ResolvedModelOptions, 'pretrained'>): string | undefined {
  return folderPlaces(pretrained).find(isFolder);
}

/** The autoencoder of a folder that was fetched by that name, where the name says which. */
export function autoencoderOfFetched(pretrained: string | undefined, folder: string): string | undefined {
  const isFetched = pretrained !== undefined && cachedRelease(pretrained).includes(folder);
  return isFetched ? autoencoderOfName(pretrained) : undefined;
}

export function folderPlaces(pretrained: string | undefined): readonly string[] {
  const here = (pretrained === undefined ? ['.', cacheHome()] : [pretrained]).flatMap((place) => [
    join(resolve(place), 'pre-trained'),
    ...(pretrained === undefined ? [] : [resolve(place)]),
  ]);
  return [...here, ...cachedRelease(pretrained ?? 'svg-t2i')];
}

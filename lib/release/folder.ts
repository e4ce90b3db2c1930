/** Where a release lies: the folder that was given, or the first of the usual places. */
import { join, resolve } from 'node:path';
import type { ResolvedModelOptions } from '../config/model.js';
import { cacheHome } from '../install/paths.js';
import { isFolder } from './find.js';

/** The given folder, or the first of the usual places; the folder above `pre-trained` will do too. */
export function findFolder({ pretrained }: Pick<ResolvedModelOptions, 'pretrained'>): string | undefined {
  return folderPlaces(pretrained).find(isFolder);
}

export function folderPlaces(pretrained: string | undefined): readonly string[] {
  return (pretrained === undefined ? ['.', cacheHome()] : [pretrained]).flatMap((place) => [
    join(resolve(place), 'pre-trained'),
    ...(pretrained === undefined ? [] : [resolve(place)]),
  ]);
}

/** Names of the hub where a path is wanted: what was fetched of them is used, and nothing is fetched. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type HubName, hubNameOf, MAIN, PUBLISHED, type ShortName, spelled } from '../config/hub-name.js';
import { type ErrorCode, SvgT2IError } from '../errors.js';
import { repoFolder, resolveInCache } from './cache.js';
import { hubCache } from './places.js';

/** Folder of what was fetched of a name; undefined for texts that are no names, and where nothing was fetched. */
export function cachedFolder(text: string): string | undefined {
  const name = hubNameOf(text);
  return name === undefined ? undefined : resolveInCache(name);
}

/** Where a release may lie in what was fetched of its repository; none where nothing was. */
export function cachedRelease(text: string): readonly string[] {
  const folder = cachedFolder(text);
  if (folder === undefined) return [];
  return [join(folder, 'pre-trained'), join(folder, 'svg_t2i', 'pre-trained'), folder];
}

/** What was fetched of a published part that a release keeps apart. */
export function cachedPart(short: ShortName): string | undefined {
  return resolveInCache({ repo: PUBLISHED[short], revision: MAIN });
}

/** The command that fetches a name; undefined for texts that are none. */
export function pullCommand(text: string): string | undefined {
  const name = hubNameOf(text);
  return name === undefined ? undefined : commandOf(name);
}

function commandOf(name: HubName): string {
  return `svg-t2i pull ${spelled(name)}`;
}

/** Of a name that nothing was fetched of, and that no path here is called. */
export function notFetched(
  text: string,
  name: HubName,
  code: ErrorCode = 'ERR_SVGT2I_WEIGHTS_MISSING',
): SvgT2IError {
  return new SvgT2IError(
    code,
    `there is no ${resolve(text)}, and ${spelled(name)} is not in the hub's cache (${repoFolder(hubCache(), name.repo)})`,
    {
      hint: `\`${commandOf(name)}\` fetches it, where it is a repository of the hub; nothing is fetched unasked.`,
    },
  );
}

/**
 * A path as it stands; where nothing is there and it may be a name of the hub, the folder of what was fetched of it.
 *
 * @throws SvgT2IError of that code with the command that fetches it
 */
export function localPath(text: string, code: ErrorCode): string {
  const path = resolve(text);
  const name = existsSync(path) ? undefined : hubNameOf(text);
  if (name === undefined) return path;
  const folder = resolveInCache(name);
  if (folder === undefined) throw notFetched(text, name, code);
  return folder;
}

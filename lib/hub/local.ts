/** Names of the hub where a path is wanted: what was fetched of them is used, and nothing is fetched. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type HubName, hubNameOf, MAIN, PUBLISHED, type ShortName, spelled } from '../config/hub-name.js';
import { type ErrorCode, firstLine, SvgT2IError } from '../errors.js';
import { repoFolder, resolveInCache } from './cache.js';
import { hubCache } from './places.js';

/**
 * Folder of what was fetched of a name; undefined for texts that are no names, and where nothing was fetched. A cache that
 * cannot be read holds nothing: what needs none must not fail for it.
 */
export function cachedFolder(text: string): string | undefined {
  const name = hubNameOf(text);
  return name === undefined ? undefined : folderOf(name);
}

function folderOf(name: Pick<HubName, 'repo' | 'revision'>): string | undefined {
  try {
    return resolveInCache(name);
  } catch (error) {
    if (SvgT2IError.isInstance(error)) return undefined;
    throw error;
  }
}

/** Where a release may lie in what was fetched of its repository; none where nothing was. */
export function cachedRelease(text: string): readonly string[] {
  const folder = cachedFolder(text);
  if (folder === undefined) return [];
  return [join(folder, 'pre-trained'), join(folder, 'svg_t2i', 'pre-trained'), folder];
}

/** What was fetched of a published part that a release keeps apart. */
export function cachedPart(short: ShortName): string | undefined {
  return folderOf({ repo: PUBLISHED[short], revision: MAIN });
}

/** The command that fetches a name; undefined for texts that are none. */
export function pullCommand(text: string): string | undefined {
  const name = hubNameOf(text);
  return name === undefined ? undefined : commandOf(name);
}

function commandOf(name: HubName): string {
  return `svg-t2i pull ${spelled(name)}`;
}

/** What is said of a name that nothing was fetched of, and the way to get it. */
export interface NotFetched {
  readonly message: string;
  readonly hint: string;
}

/** Undefined for texts that are no names. */
export function notFetched(text: string): NotFetched | undefined {
  const name = hubNameOf(text);
  if (name === undefined) return undefined;
  return {
    message: `${spelled(name)} is not in the hub's cache (${whyNot(name)})`,
    hint: `\`${commandOf(name)}\` fetches it, where it is a repository of the hub; nothing is fetched unasked.`,
  };
}

function whyNot(name: HubName): string {
  try {
    resolveInCache(name);
    return repoFolder(hubCache(), name.repo);
  } catch (error) {
    return firstLine(error);
  }
}

/**
 * A path as it stands; where nothing is there and it may be a name of the hub, the folder of what was fetched of it.
 *
 * @throws SvgT2IError of that code with the command that fetches it
 */
export function localPath(text: string, code: ErrorCode): string {
  const path = resolve(text);
  if (existsSync(path)) return path;
  const folder = cachedFolder(text);
  if (folder !== undefined) return folder;
  const absent = notFetched(text);
  if (absent === undefined) return path;
  throw new SvgT2IError(code, `there is no ${path}, and ${absent.message}`, { hint: absent.hint });
}

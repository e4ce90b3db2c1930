/** Looks for one file or folder in several places and remembers where it looked. */
import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { fileError, systemErrorCode } from '../errors.js';
import { cachedRelease } from '../hub/local.js';

/** What was looked for and not found; becomes part of one error. */
export interface MissingPart {
  /** For people: "text encoder". */
  readonly part: string;
  readonly looked: readonly string[];
  readonly fix: string;
}

export function isFile(path: string): boolean {
  return entryAt(path)?.isFile() ?? false;
}

export function isFolder(path: string): boolean {
  return entryAt(path)?.isDirectory() ?? false;
}

/** Undefined where nothing is there, also because a part of the path is a file. */
function entryAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'look for', path);
  }
}

/** Entries of a folder in name order; none where it is not there. */
export function entries(folder: string): Dirent[] {
  if (!isFolder(folder)) return [];
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}

/** Where `path` may be meant from; an absolute path is meant as it is, and a name of the hub last of all. */
export function candidates(path: string, folders: readonly string[]): string[] {
  if (isAbsolute(path)) return [path];
  const here = folders.map((folder) => resolve(folder, path));
  return [...new Set([...here, ...cachedRelease(path)])];
}

/** The release writes `svg_autoencoder_P_stage3` in one name and `svg_autoencoder-P-stage3` in the other. */
export function sameName(a: string, b: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll('_', '-');
  return plain(a) === plain(b);
}

/** `path`, or the file beside it that differs in hyphens, or its safetensors twin from `svg-t2i convert`. */
export function findWeightsFile(path: string): string | undefined {
  if (isFile(path)) return path;
  const folder = dirname(path);
  const twin = `${basename(path, extname(path))}.safetensors`;
  const wanted = [basename(path), twin, `${twin}.index.json`];
  const found = wanted
    .map((name) => entries(folder).find((entry) => sameName(entry.name, name)))
    .find((entry) => entry !== undefined);
  return found === undefined ? undefined : join(folder, found.name);
}

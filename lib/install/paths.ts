import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Folder of the installed package: holds package.json, CMakeLists.txt, native/ and dist/. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** Where downloads live: `SVG_T2I_HOME`, or `svg-t2i` in the XDG cache folder. */
export function cacheHome(env: Environment = process.env): string {
  if (env.SVG_T2I_HOME) return resolve(env.SVG_T2I_HOME);
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'svg-t2i');
}

/** Holds one folder per libtorch, named `<version>+<flavour>`. */
export function libtorchCache(env: Environment = process.env): string {
  return join(cacheHome(env), 'libtorch');
}

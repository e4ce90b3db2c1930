/** The small addon that opens libtorch before the main one is loaded, and ends a process that has opened it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Loader {
  open(paths: readonly string[]): void;
  /** On another thread. The promise keeps no process alive: one may end before it settles. */
  openAsync(paths: readonly string[]): Promise<void>;
  endProcess(code: number): void;
}

const require = createRequire(import.meta.url);

let loader: Loader | undefined;

/** Of the folder that holds it. */
export function requireLoader(folder: string): Loader {
  loader = require(join(folder, 'svg-t2i-loader.node')) as Loader;
  return loader;
}

/** Ends the process at once, without what libtorch does at an exit. Nothing happens where no loader was needed. */
export function endProcess(code: number): void {
  loader?.endProcess(code);
}

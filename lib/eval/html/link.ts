/** Where a page finds a file: the path from the page's folder, as an address. */
import { isAbsolute, relative, resolve, sep } from 'node:path';

/** Relative and percent-encoded, so that folder and pictures can be moved together; `path` relative to the process. */
export function linkTo(folder: string, path: string): string {
  const from = resolve(folder);
  const way = relative(from, isAbsolute(path) ? path : resolve(path));
  // A name with a colon would be taken for another scheme.
  const start = way.startsWith('..') ? '' : './';
  return start + way.split(sep).map(encodeName).join('/');
}

function encodeName(name: string): string {
  return encodeURIComponent(Buffer.from(name, 'utf8').toString('utf8')).replaceAll("'", '%27');
}

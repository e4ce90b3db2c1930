/** Paths that callers give: texts, or the `file:` URLs that `import.meta.url` leads to. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { firstLine, SvgT2IError } from '../errors.js';
import { checkArgument } from './values.js';

/**
 * The path of a `file:` URL, as an object or a text; anything else as it is.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a URL of another kind
 */
export function pathOf(value: unknown, name: string): unknown {
  const url = typeof value === 'string' ? value : urlText(value);
  if (url === undefined || (typeof value === 'string' && !url.startsWith('file:'))) return value;
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${name}: ${url} is no path: ${firstLine(error)}`, {
      hint: 'Pass a path of this machine, or a file: URL.',
      cause: error,
    });
  }
}

// Not by class: a URL may come from another realm.
function urlText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('href' in value) || !('protocol' in value))
    return undefined;
  return typeof value.href === 'string' ? value.href : undefined;
}

/** A path that is there; `pathOf` comes first. */
const pathSchema = z.string({ error: 'must be a path or a file: URL' }).min(1);

/**
 * One argument of a public function.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function checkPath(name: string, value: unknown): string {
  return checkArgument(name, pathSchema, pathOf(value, name));
}

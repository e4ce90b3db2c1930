/** Clients that are fetched by `npm run test:clients` alone: where they are, and why a test of theirs is not run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where scripts/test-clients.mjs puts the packages of PyPI. */
export const PYTHON_FOLDER = join(import.meta.dirname, '../../build/test-clients/python');

/** Set by scripts/test-clients.mjs: then nothing may be missing. */
export const ALL_CLIENTS = process.env.SVG_T2I_TEST_CLIENTS === 'all';

/** Why a package of test/clients/package.json cannot be tested; undefined where it can. */
export function missingPackage(name: string): string | undefined {
  return missing(name, join(import.meta.dirname, 'node_modules', name, 'package.json'));
}

/** The same of a package of PyPI. */
export function missingPython(name: string): string | undefined {
  return missing(name, join(PYTHON_FOLDER, name, '__init__.py'));
}

function missing(name: string, file: string): string | undefined {
  if (existsSync(file)) return undefined;
  if (ALL_CLIENTS) throw new Error(`${name} was not fetched: ${file} is missing`);
  console.log(`not run: ${name} (npm run test:clients fetches it)`);
  return `not run: npm run test:clients fetches ${name}`;
}

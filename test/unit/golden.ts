/** Where the tests' golden cases lie, and their contents. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

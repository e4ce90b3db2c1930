/** A folder in the release's layout with small random weights, for a first run and for tests. */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Engine } from '../engine.js';
import { fileError } from '../errors.js';

/** Writes the parts of a release to `folder`; the same seed gives the same weights. A few megabytes. */
export async function writeTinyRelease(folder: string, seed: number): Promise<void> {
  const dir = resolve(folder);
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw fileError(error, 'make', dir);
  }
  await using engine = await Engine.create({ device: 'cpu' });
  await engine.run('write-tiny-release', { dir, seed });
}

/** Where what is half written lies: never among the pictures, which a scorer lists. */
import { rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileError, systemErrorCode } from '../../errors.js';
import { makeFolder } from '../../files.js';

export function partsFolder(out: string): string {
  return join(resolve(out), '.parts');
}

export async function makePartsFolder(out: string): Promise<string> {
  const folder = partsFolder(out);
  await makeFolder(folder);
  return folder;
}

/** What a process that lives is at stays. */
export async function removeEmptyParts(out: string): Promise<void> {
  const folder = partsFolder(out);
  try {
    await rmdir(folder);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw fileError(error, 'remove', folder);
  }
}

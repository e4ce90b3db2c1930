/** The clock that a folder's file times come from. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { processTag } from './process.mjs';

let probes = 0;

/**
 * The time at which the folder's file system says that a file is written now. On a network disk that is the server's
 * clock, which may be minutes off this machine's; ages of files are told by it alone.
 *
 * @param {string} folder
 * @returns {Promise<number>} milliseconds since 1970
 */
export async function fileSystemTime(folder) {
  const probe = join(folder, `.clock-${threadId}-${++probes}.${processTag()}.part`);
  try {
    // Not empty: some file systems set the time when bytes arrive.
    await writeFile(probe, 'now');
    return (await stat(probe)).mtimeMs;
  } finally {
    await rm(probe, { force: true });
  }
}

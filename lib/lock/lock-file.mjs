/** The file of a lock: appears whole or not at all, for one process alone, and says who that is. */
import { constants } from 'node:fs';
import { link, lstat, open, rm, writeFile } from 'node:fs/promises';
import { threadId } from 'node:worker_threads';
import { codeOf, processTag } from './process.mjs';

/**
 * @typedef {import('./process.mjs').ProcessIdentity & { readonly id: string }} LockOwner `id` is of this one lock, empty
 *   in files of earlier versions.
 */

/**
 * @typedef {object} LockFile
 * @property {LockOwner | undefined} owner Undefined where the file is empty or holds something else.
 * @property {number} mtimeMs When it was written or refreshed last, by the file system's clock.
 * @property {string} key Changes with the file and with each refreshment.
 */

/** More than any owner's text. */
const MAX_BYTES = 4096;
/** What file systems without hard links say to link(). */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EINVAL'];

let besides = 0;

/**
 * Makes the file unless there is one.
 *
 * @param {string} path
 * @param {string} text
 * @returns {Promise<boolean>} false where there is one
 */
export async function createWhole(path, text) {
  const beside = `${path}.${threadId}-${++besides}.${processTag()}.part`;
  try {
    await writeFile(beside, text);
    // A hard link appears whole or not at all, and only one process can make it.
    await link(beside, path);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code === 'EEXIST') return false;
    if (NO_LINKS.includes(code)) return await createInPlace(path, text);
    throw error;
  } finally {
    await removeIfCan(beside);
  }
}

/**
 * For file systems without hard links. Readers may see it empty for a moment, which they take for somebody's.
 *
 * @param {string} path
 * @param {string} text
 */
async function createInPlace(path, text) {
  let file;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    await removeIfCan(path);
    throw error;
  }
}

/**
 * Never throws, so that it hides no other error: removeDeadParts() takes away what stays.
 *
 * @param {string} path
 */
export async function removeIfCan(path) {
  return await rm(path, { force: true }).then(
    () => true,
    () => false,
  );
}

/**
 * Opened anew each time: only then does a network disk ask its server what the file is now.
 *
 * @param {string} path
 * @returns {Promise<LockFile | undefined>} undefined where there is none
 */
export async function readLockFile(path) {
  try {
    const entry = await lstat(path);
    if (!entry.isFile()) throw new Error(`${path} is no file`);
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { mtimeMs, ino } = await file.stat();
      const text = await readText(file);
      const owner = parseOwner(text);
      return { owner, mtimeMs, key: `${owner?.id ?? ''} ${ino} ${mtimeMs}` };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes the same bytes again in place, so that the file system sets the time of the last write by its own clock, which
 * utimes() would take from this machine.
 *
 * @param {string} path
 * @param {string} text What this process has written there.
 * @returns {Promise<'refreshed' | 'gone' | 'of another'>}
 */
export async function refreshLockFile(path, text) {
  let file;
  try {
    file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    if ((await readText(file)) !== text) return 'of another';
    await file.write(text, 0);
    return 'refreshed';
  } finally {
    await file.close();
  }
}

/** @param {import('node:fs/promises').FileHandle} file */
async function readText(file) {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

/**
 * @param {string} text
 * @returns {LockOwner | undefined}
 */
function parseOwner(text) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const {
    pid,
    host,
    started,
    boot = '',
    namespace = '',
    id = '',
  } = /** @type {Record<string, unknown>} */ (value);
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  const texts = { host, started, boot, namespace, id };
  if (!Object.values(texts).every((entry) => typeof entry === 'string')) return undefined;
  return /** @type {LockOwner} */ ({ pid, ...texts });
}

/** One run at a time in a run folder, and one call in the folder of a cache. */
import { join } from 'node:path';
import { fileError, SvgT2IError } from '../errors.js';
import { acquireLock, type Lock, type LockOptions } from '../lock/lock.mjs';

export type RunLock = Pick<Lock, 'check' | 'release'>;

export interface RunLockOptions
  extends Pick<LockOptions, 'signal' | 'onWait' | 'onWarning' | 'timing' | 'hint'> {}

/**
 * @throws SvgT2IError ERR_SVGT2I_RUN_FOLDER where a living process holds the folder; `check()` throws it where the lock
 *   was lost to another one
 */
export async function lockRunFolder(folder: string, options: RunLockOptions = {}): Promise<RunLock> {
  const file = join(folder, 'lock');
  try {
    return await acquireLock(file, {
      ...options,
      what: folder,
      hint: options.hint ?? 'Wait for it, end it, or choose another folder with --run (of a cache: --out).',
      makeError: ({ message, hint }) => new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', message, { hint }),
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fileError(error, 'lock', folder);
  }
}

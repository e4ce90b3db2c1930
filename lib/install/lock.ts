/** A lock file that holds its owner's process id; the lock of a process that has died is taken over. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemErrorCode } from '../errors.js';

export interface LockOptions {
  /** Called once, when somebody else holds the lock. */
  readonly onWait?: (holder: number) => void;
  readonly pollMs?: number;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}

// 0 while the owner is between creating and writing it, and when it was just released.
async function readHolder(file: string): Promise<number> {
  try {
    return Number(await readFile(file, 'utf8'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

// Moved away first: of two processes that see the same dead owner, only one succeeds in taking its file.
async function removeStale(file: string, dead: number): Promise<void> {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readHolder(aside)) === dead) await rm(aside, { force: true });
  else await rename(aside, file);
}

export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  let waiting = false;
  while (!(await tryLock(file))) {
    const holder = await readHolder(file);
    if (holder > 0 && !isAlive(holder)) {
      await removeStale(file, holder);
      continue;
    }
    if (!waiting && holder > 0) {
      options.onWait?.(holder);
      waiting = true;
    }
    await sleep(options.pollMs ?? 250);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

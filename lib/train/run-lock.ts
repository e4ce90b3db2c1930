/** One run at a time in a run folder: a lock file that names its owner; the lock of a dead process is taken over. */
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';

const ownerSchema = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  /** When the process started, in clock ticks since boot: a process id may be given to another one. */
  started: z.string(),
});
type Owner = z.output<typeof ownerSchema>;

export interface RunLock {
  release(): Promise<void>;
}

/** @throws SvgT2IError ERR_SVGT2I_RUN_FOLDER where a living process holds the folder */
export async function lockRunFolder(folder: string): Promise<RunLock> {
  const file = join(folder, 'lock');
  const own: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? '' };
  const beside = `${file}.${process.pid}`;
  try {
    await writeFile(beside, JSON.stringify(own));
    // A hard link appears whole or not at all, and only one process can make it.
    while (!(await tryLink(beside, file))) {
      const owner = await readOwner(file);
      if (owner !== undefined && isAlive(owner)) throw inUse(folder, file, owner);
      await takeAway(file, owner);
    }
  } catch (error) {
    throw fileError(error, 'lock', folder);
  } finally {
    await rm(beside, { force: true });
  }
  return { release: () => rm(file, { force: true }) };
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moved away first: of two processes that see the same dead owner only one gets its file. */
async function takeAway(file: string, dead: Owner | undefined): Promise<void> {
  const aside = `${file}.stale.${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readOwner(aside);
  if (JSON.stringify(taken) === JSON.stringify(dead)) await rm(aside, { force: true });
  else await rename(aside, file);
}

async function readOwner(file: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

/** Of another machine's process nothing is known, so it counts as alive. */
function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return true;
  return startOf(owner.pid) === owner.started;
}

/** Field 22 of /proc/PID/stat; undefined where there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; field 3 follows it.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function inUse(folder: string, file: string, { pid, host }: Owner): SvgT2IError {
  const isHere = host === hostname();
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', `${folder} is in use by process ${pid} on ${host}`, {
    hint: isHere
      ? 'Wait for it, end it, or choose another folder with --run.'
      : `Choose another folder with --run; if that process is gone, remove ${file}.`,
  });
}

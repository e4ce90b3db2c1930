/**
 * One process at a time, on any machine that sees the folder: a lock file that names its owner and is refreshed while it
 * is held. The lock of a process that is known to be dead is taken over at once, that of one out of sight, or that does
 * not run, when it has not been refreshed for a while.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileSystemTime } from './file-system-time.mjs';
import { createWhole, readLockFile, refreshLockFile, removeIfCan } from './lock-file.mjs';
import { codeOf, ownIdentity, processState } from './process.mjs';

/** @typedef {import('./lock-file.mjs').LockFile} LockFile */
/** @typedef {{ readonly message: string, readonly hint: string }} LockProblem */

/**
 * @typedef {object} LockTiming
 * @property {number} refreshMs How often the owner refreshes its lock.
 * @property {number} staleMs A lock that was not refreshed for so long is nobody's.
 * @property {number} graceMs The same for a file that names no owner: it was never meant to be empty.
 * @property {number} pollMs How often a waiting process looks.
 * @property {number} remindMs How often it says again for whom it waits.
 */

/** @type {LockTiming} */
const TIMING = { refreshMs: 5_000, staleMs: 60_000, graceMs: 3_000, pollMs: 250, remindMs: 30_000 };

/**
 * @typedef {object} LockOptions
 * @property {string} [what] Name of what is locked, for messages; the file where not given.
 * @property {number} [waitMs] How long to wait for a living owner; 0 where not given. Whether an owner out of sight lives
 *   is waited for in any case, for `staleMs` at most.
 * @property {string} [hint] What to do where it stays in use.
 * @property {AbortSignal | undefined} [signal] Ends the waiting, with its reason.
 * @property {(message: string) => void} [onWait] Gets a line that says for whom it waits, now and then.
 * @property {(message: string) => void} [onWarning] Called where the lock cannot be refreshed or removed.
 * @property {(problem: LockProblem) => Error} [makeError] Where it stays in use, and where it was lost.
 * @property {Partial<LockTiming>} [timing]
 */

/**
 * @param {string} file
 * @param {LockOptions} [options]
 * @returns {Promise<Lock>}
 */
export async function acquireLock(file, options = {}) {
  return await new Attempt(file, options).run();
}

/**
 * Holds the lock while `work` runs.
 *
 * @template T
 * @param {string} file
 * @param {LockOptions} options
 * @param {(lock: Lock) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, options, work) {
  const lock = await acquireLock(file, options);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** Takes the lock, or finds out that somebody has it. */
class Attempt {
  /** @type {string} */
  #file;
  /** @type {LockOptions} */
  #options;
  /** @type {LockTiming} */
  #timing;
  #id = randomUUID();
  #text;
  #watch = new Watch();
  #watchOfTakeover = new Watch();
  #begin = performance.now();
  #lastSaid = -Infinity;
  /** Of the file system's clock before this process's; undefined until it is needed. */
  /** @type {number | undefined} */
  #clockOffset;

  /**
   * @param {string} file
   * @param {LockOptions} options
   */
  constructor(file, options) {
    this.#file = file;
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#text = `${JSON.stringify({ ...ownIdentity(), id: this.#id })}\n`;
  }

  async run() {
    const { signal } = this.#options;
    for (;;) {
      signal?.throwIfAborted();
      const holder = await readLockFile(this.#file);
      // A network disk may say of a link that it has made that there is one.
      if (holder?.owner?.id === this.#id) break;
      if (holder === undefined) {
        if (await createWhole(this.#file, this.#text)) break;
        continue;
      }
      const verdict = await this.#judge(holder, this.#watch);
      if (verdict === 'stale') {
        if (await this.#takeOver(holder)) break;
      } else {
        this.#say(holder, verdict);
      }
      await this.#pause();
    }
    return new Lock(this.#file, this.#text, this.#options, this.#timing);
  }

  async #pause() {
    const { signal } = this.#options;
    try {
      await sleep(this.#timing.pollMs, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /**
   * @param {LockFile} holder
   * @param {Watch} watch
   * @returns {Promise<'held' | 'unsure' | 'stale'>}
   */
  async #judge(holder, watch) {
    const { refreshMs, staleMs, graceMs } = this.#timing;
    const watched = watch.see(holder);
    const state = holder.owner === undefined ? 'unknown' : processState(holder.owner);
    if (state === 'dead') return 'stale';
    const patience = holder.owner === undefined ? graceMs : staleMs;
    // Watched for so long, too: then it does not matter what the clocks say.
    const isOld = watched.unchangedMs >= patience || (await this.#now()) - holder.mtimeMs >= patience;
    if (isOld) {
      // One that lives here may have been stopped or asleep until now: it gets the time to say so.
      return state === 'alive' && watched.unchangedMs < 2 * refreshMs ? 'unsure' : 'stale';
    }
    return state === 'alive' || watched.wasRefreshed ? 'held' : 'unsure';
  }

  async #now() {
    this.#clockOffset ??= (await fileSystemTime(dirname(this.#file))) - performance.now();
    return this.#clockOffset + performance.now();
  }

  /**
   * Of all that see the same stale lock only the one that makes the file of its own beside it may replace it.
   *
   * @param {LockFile} stale
   */
  async #takeOver(stale) {
    const beside = `${this.#file}.takeover`;
    if (!(await createWhole(beside, this.#text))) {
      const other = await readLockFile(beside);
      if (other !== undefined && (await this.#judge(other, this.#watchOfTakeover)) === 'stale') {
        await rm(beside, { force: true });
      }
      return false;
    }
    try {
      if ((await readLockFile(this.#file))?.key !== stale.key) {
        await rm(beside, { force: true });
        return false;
      }
      await rename(beside, this.#file);
    } catch (error) {
      await removeIfCan(beside);
      throw error;
    }
    return (await readLockFile(this.#file))?.owner?.id === this.#id;
  }

  /**
   * @param {LockFile} holder
   * @param {'held' | 'unsure'} verdict
   */
  #say({ owner }, verdict) {
    const { waitMs = 0, onWait, hint, makeError = plainError, what = this.#file } = this.#options;
    const who = describe(owner);
    const waited = performance.now() - this.#begin;
    if (verdict === 'held' && waited >= waitMs) {
      const minutes = Math.round(waited / 60_000);
      throw makeError({
        message: `${what} is in use by ${who}${minutes > 0 ? ` (waited for ${minutes} min)` : ''}`,
        hint: hint ?? 'Wait for it, or end it.',
      });
    }
    if (waited - this.#lastSaid < this.#timing.remindMs) return;
    this.#lastSaid = waited;
    const patience = owner === undefined ? this.#timing.graceMs : this.#timing.staleMs;
    onWait?.(
      verdict === 'held'
        ? `waiting for ${who}, which holds ${this.#file}`
        : `waiting up to ${Math.ceil(patience / 1000)} s to see whether ${who} still holds ${this.#file}`,
    );
  }
}

/** What has happened to a file since one began to look at it. */
class Watch {
  #key = '';
  #id = '';
  #since = 0;
  #wasRefreshed = false;

  /** @param {LockFile} file */
  see({ key, owner }) {
    const id = owner?.id ?? '';
    if (key !== this.#key) {
      this.#wasRefreshed = id !== '' && id === this.#id;
      this.#since = performance.now();
      [this.#key, this.#id] = [key, id];
    }
    return { unchangedMs: performance.now() - this.#since, wasRefreshed: this.#wasRefreshed };
  }
}

/** Locks that this process holds: it removes them when it must end at once. */
/** @type {Map<string, string>} */
const held = new Map();

function removeHeld() {
  for (const [file, text] of held) {
    try {
      if (readFileSync(file, 'utf8') === text) rmSync(file);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  }
}

export class Lock {
  #file;
  #text;
  #options;
  #timing;
  #refreshed = clocks();
  /** @type {ReturnType<typeof setInterval>} */
  #timer;
  /** @type {Promise<void> | undefined} */
  #refreshing;
  #lost = new AbortController();
  #hasWarned = false;

  /**
   * @param {string} file
   * @param {string} text
   * @param {LockOptions} options
   * @param {LockTiming} timing
   */
  constructor(file, text, options, timing) {
    this.#file = file;
    this.#text = text;
    this.#options = options;
    this.#timing = timing;
    if (held.size === 0) process.on('exit', removeHeld);
    held.set(file, text);
    this.#timer = setInterval(() => {
      this.#refresh().catch((error) => this.#warn('refresh', error));
    }, timing.refreshMs);
    this.#timer.unref();
  }

  /**
   * Aborted, with the error, when another process has taken the lock over.
   *
   * @type {AbortSignal}
   */
  get signal() {
    return this.#lost.signal;
  }

  /**
   * To be called before something is written: a process that stood still for minutes may have lost its lock meanwhile.
   * Returns at once where it cannot have.
   *
   * @throws the error of `makeError` where the lock was lost, or what keeps from finding out
   */
  async check() {
    this.#lost.signal.throwIfAborted();
    if (elapsedSince(this.#refreshed) < this.#timing.staleMs / 2) return;
    await this.#refresh();
    this.#lost.signal.throwIfAborted();
  }

  /** Removes the file where it is still this lock's. Never throws: what went wrong is a warning. */
  async release() {
    clearInterval(this.#timer);
    held.delete(this.#file);
    if (held.size === 0) process.off('exit', removeHeld);
    try {
      await this.#refreshing?.catch(() => undefined);
      const now = await readLockFile(this.#file);
      if (now?.owner?.id === JSON.parse(this.#text).id) await rm(this.#file, { force: true });
    } catch (error) {
      this.#warn('remove', error);
    }
  }

  #refresh() {
    this.#refreshing ??= this.#refreshNow().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refreshNow() {
    const begin = clocks();
    const result = await refreshLockFile(this.#file, this.#text);
    if (result === 'refreshed') {
      this.#refreshed = begin;
    } else if (result === 'of another') {
      const owner = (await readLockFile(this.#file))?.owner;
      this.#lose(`was taken over by ${describe(owner)} while this process stood still`);
    } else if (elapsedSince(this.#refreshed) >= this.#timing.staleMs / 2) {
      // Another process may have had it and be done.
      this.#lose('lost its lock while this process stood still');
    } else if (await createWhole(this.#file, this.#text)) {
      // Somebody has removed it by hand.
      this.#refreshed = begin;
    }
  }

  /** @param {string} how */
  #lose(how) {
    const { makeError = plainError, what = this.#file } = this.#options;
    const hint = 'Nothing was written since. Start again when the other process has ended.';
    this.#lost.abort(makeError({ message: `${what} ${how}`, hint }));
    clearInterval(this.#timer);
  }

  /**
   * @param {string} action
   * @param {unknown} error
   */
  #warn(action, error) {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const reason = String(error).split('\n', 1)[0];
    this.#options.onWarning?.(`cannot ${action} the lock ${this.#file}: ${reason}`);
  }
}

/** Both: one stands still while the machine sleeps, the other may be set back. */
function clocks() {
  return { wall: Date.now(), running: performance.now() };
}

/** @param {{ readonly wall: number, readonly running: number }} begin */
function elapsedSince(begin) {
  const { wall, running } = clocks();
  return Math.max(wall - begin.wall, running - begin.running);
}

/** @param {import('./lock-file.mjs').LockOwner | undefined} owner */
function describe(owner) {
  if (owner === undefined) return 'a process that it does not name';
  return `process ${owner.pid} on ${owner.host}`;
}

/** @param {LockProblem} problem */
function plainError({ message, hint }) {
  return Object.assign(new Error(message), { hint });
}

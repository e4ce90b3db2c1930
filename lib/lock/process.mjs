/**
 * Who a process is, beyond its number, which is given away again and means nothing in another namespace or on another
 * machine. Plain JavaScript, as lock-file.mjs: scripts/setup.mjs uses both before anything is compiled.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} started When the process started, in clock ticks since boot; empty where unknown.
 * @property {string} host Name of the machine or container.
 * @property {string} boot Of the running kernel: equal for all containers of a machine; empty where unknown.
 * @property {string} namespace Within which `pid` counts, as in "pid:[4026531836]"; empty where unknown.
 */

/** @typedef {'alive' | 'dead' | 'unknown'} ProcessState */

/** @type {ProcessIdentity | undefined} */
let own;

/** @returns {ProcessIdentity} of this process */
export function ownIdentity() {
  own ??= Object.freeze({
    pid: process.pid,
    started: readStat('self')?.started ?? '',
    host: hostname(),
    boot: readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
    namespace: linkIfThere('/proc/self/ns/pid') ?? '',
  });
  return own;
}

/**
 * Unknown where the process is, or may be, out of sight: on another machine or in another namespace.
 *
 * @param {ProcessIdentity} identity
 * @returns {ProcessState}
 */
export function processState(identity) {
  const { boot, namespace, host } = ownIdentity();
  if (identity.boot === '' || identity.namespace === '') {
    // Written without them: the name of the machine is all that there is to go by.
    return identity.host === host ? localState(identity) : 'unknown';
  }
  // A namespace's number is given again only after its last process has gone.
  return identity.boot === boot && identity.namespace === namespace ? localState(identity) : 'unknown';
}

/**
 * Of a process of this namespace.
 *
 * @param {{ readonly pid: number, readonly started: string }} identity
 * @returns {ProcessState}
 */
function localState({ pid, started }) {
  if (!exists(pid)) return 'dead';
  // A /proc of another namespace, as where one was made without mounting its own, tells of other processes.
  if (linkIfThere('/proc/self') !== String(process.pid)) return 'unknown';
  const stat = readStat(String(pid));
  // It exists, but is hidden from this user.
  if (stat === undefined || started === '') return 'unknown';
  // A zombie keeps its number until its parent has looked at it.
  return stat.started === started && !'ZX'.includes(stat.state) ? 'alive' : 'dead';
}

/** @param {number} pid */
function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/**
 * Fields 3 and 22 of /proc/PID/stat; undefined where there is no such process.
 *
 * @param {string} pid
 */
function readStat(pid) {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name in parentheses may hold spaces; field 3 follows it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}

/**
 * Part of a file's name: tells later processes whether the one that wrote it still lives. Without its dot.
 *
 * @returns {string} as in "4711-1xk3d-0f3a9c21"
 */
export function processTag() {
  const { pid, started } = ownIdentity();
  return `${pid}-${Number(started).toString(36)}-${surroundings()}`;
}

/**
 * Of the process whose tag it is.
 *
 * @param {string} tag Of the form TAG_PATTERN.
 * @returns {ProcessState}
 */
export function tagState(tag) {
  if (tag === processTag()) return 'alive';
  const [pid, started = '', where] = tag.split('-');
  if (where !== surroundings()) return 'unknown';
  return localState({ pid: Number(pid), started: String(Number.parseInt(started, 36)) });
}

/** What processTag() writes. All of it: a number alone is also how split archives name their parts. */
export const TAG_PATTERN = '\\d+-[0-9a-z]+-[0-9a-f]{8}';

/** Kernel and namespace in eight digits. */
function surroundings() {
  const { boot, namespace, host } = ownIdentity();
  const text = boot === '' || namespace === '' ? host : `${boot} ${namespace}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** @param {string} file */
function readIfThere(file) {
  return ifThere(() => readFileSync(file, 'utf8'));
}

/** @param {string} file */
function linkIfThere(file) {
  return ifThere(() => readlinkSync(file));
}

/** @param {() => string} read */
function ifThere(read) {
  try {
    return read();
  } catch (error) {
    // Also of systems without such files, and of sandboxes that forbid them.
    if (codeOf(error) !== undefined) return undefined;
    throw error;
  }
}

/**
 * `code` of a system error such as ENOENT, or undefined.
 *
 * @param {unknown} error
 * @returns {string | undefined}
 */
export function codeOf(error) {
  // Not by its class: in a realm of its own, as of jest, Node's errors are of another one.
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

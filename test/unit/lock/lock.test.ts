/** Locks between processes: whoever holds one, dies, sleeps, or lives where it cannot be seen. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acquireLock, type LockOptions, withLock } from '../../../lib/lock/lock.mjs';
import { codeOf, ownIdentity } from '../../../lib/lock/process.mjs';

const HOLDER = fileURLToPath(new URL('./holder.mjs', import.meta.url));

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-lock-'));
  file = join(folder, 'lock');
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const quick = { pollMs: 5 };
const owner = (changes: object) => JSON.stringify({ ...ownIdentity(), id: 'x', ...changes });
/** Of another machine: nothing is known about its processes. */
const foreign = (changes: object = {}) => owner({ pid: 12, host: 'pod-a', boot: 'another', ...changes });
const ownerNow = () => JSON.parse(readFileSync(file, 'utf8'));

/** The lock of somebody else, refreshed last so many seconds ago. */
function leave(text: string, seconds = 0): void {
  writeFileSync(file, text);
  const time = Date.now() / 1000 - seconds;
  utimesSync(file, time, time);
}

async function hold(command: readonly string[] = []): Promise<ChildProcess> {
  const [program = '', ...args] = [...command, process.execPath, HOLDER, file, 'hold'];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal);
  const [code] = await once(child, 'exit');
  return code;
}

describe('a lock', () => {
  it('lets one in at a time, and says for whom it waits', async () => {
    let inside = 0;
    let most = 0;
    const lines: string[] = [];
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(10);
      inside -= 1;
    };
    const enter = () =>
      withLock(file, { waitMs: 60_000, timing: quick, onWait: (line) => lines.push(line) }, work);
    await Promise.all([enter(), enter(), enter(), enter()]);
    expect(most).toBe(1);
    expect(lines[0]).toBe(`waiting for process ${process.pid} on ${hostname()}, which holds ${file}`);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('names its owner in full, and is never there half', async () => {
    const lock = await acquireLock(file);
    expect(readdirSync(folder)).toEqual(['lock']);
    expect(ownerNow()).toEqual({ ...ownIdentity(), id: expect.any(String) });
    expect(ownIdentity()).toMatchObject({ pid: process.pid, namespace: expect.stringMatching(/^pid:/) });
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes to one process at a time, also where the first one died', async () => {
    leave(owner({ pid: spawnSync('true').pid }));
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [HOLDER, file, 'take', '10'], { stdio: ['ignore', 'ignore', 'inherit'] }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is free again after a failure', async () => {
    const failing = withLock(file, {}, () => Promise.reject(new Error('no luck')));
    await expect(failing).rejects.toThrow('no luck');
    expect(await withLock(file, {}, async () => 'again')).toBe('again');
  });

  it('is removed where the process ends at once, and names what is wrong where it cannot be', async () => {
    expect(await end(await hold(), 'SIGTERM')).toBe(3);
    expect(existsSync(file)).toBe(false);
    const warnings: string[] = [];
    const work = async () => {
      renameSync(folder, `${folder}.away`);
      writeFileSync(folder, '');
      throw new Error('the real reason');
    };
    const failing = withLock(file, { onWarning: (line) => warnings.push(line) }, work);
    await expect(failing).rejects.toThrow('the real reason');
    expect(warnings).toEqual([expect.stringContaining(`cannot remove the lock ${file}: Error: ENOTDIR`)]);
    rmSync(`${folder}.away`, { recursive: true });
  });
});

it('an error of another realm, as jest makes one, is known by its code', () => {
  expect(codeOf(runInNewContext('Object.assign(new Error("x"), { code: "ENOENT" })'))).toBe('ENOENT');
  expect([codeOf(new Error('x')), codeOf(undefined), codeOf('ENOENT')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

describe('a lock that was left behind', () => {
  it.each([
    ['a process that has died', () => owner({ pid: spawnSync('true').pid })],
    ['a process whose number this one has got', () => owner({ started: '1' })],
    ['a process whose number another one has got', () => owner({ pid: process.ppid, started: '1' })],
    ['a dead process under another host name', () => owner({ started: '1', host: 'pod-a' })],
    ['an earlier version', () => JSON.stringify({ pid: process.pid, host: hostname(), started: '1' })],
  ])('by %s is taken over at once', async (_, text) => {
    leave(text());
    const lock = await acquireLock(file, { timing: quick });
    expect(ownerNow().pid).toBe(process.pid);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('by kill -9 is taken over at once', async () => {
    const child = await hold();
    await expect(acquireLock(file)).rejects.toThrow(`in use by process ${child.pid} on ${hostname()}`);
    await end(child, 'SIGKILL');
    await (await acquireLock(file)).release();
  });

  it('by a zombie is taken over at once', async () => {
    // The shell has become sleep, which does not look after the shell's child, when that ends.
    const shell = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const pid = Number(String((await once(shell.stdout as Readable, 'data'))[0]));
    const comm = () => readFileSync(`/proc/${shell.pid}/comm`, 'utf8');
    await vi.waitUntil(() => comm() === 'sleep\n', { timeout: 30_000 });
    (shell.stdio[3] as Writable).end();
    await vi.waitUntil(() => stateOf(pid) === 'Z', { timeout: 30_000 });
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    leave(owner({ pid, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] }));
    await (await acquireLock(file, { timing: quick })).release();
    await end(shell, 'SIGKILL');
  });

  it.each([
    ['on another machine', () => foreign()],
    ['in another namespace, under the number of this one', () => owner({ namespace: 'pid:[1]' })],
    ['on another machine, by an earlier version', () => '{"pid":12,"host":"node-17","started":"1"}'],
  ])('%s is taken over when nobody has refreshed it for a minute', async (_, text) => {
    leave(text(), 61);
    const lines: string[] = [];
    await (await acquireLock(file, { onWait: (line) => lines.push(line) })).release();
    expect(lines).toEqual([]);
  });

  it('out of sight is watched until it is stale, whatever its time says', async () => {
    leave(foreign(), -3600);
    const lines: string[] = [];
    const timing = { ...quick, staleMs: 150 };
    await (await acquireLock(file, { timing, onWait: (line) => lines.push(line) })).release();
    expect(lines).toEqual([`waiting up to 1 s to see whether process 12 on pod-a still holds ${file}`]);
  });

  it.each(['', '999999', 'x', '{"pid":"1"}', '[1', '\0\0\0'])(
    'empty or unreadable (%j) is nobody’s',
    async (text) => {
      leave(text, 4);
      await (await acquireLock(file)).release();
      leave(text, -3600);
      const lines: string[] = [];
      const timing = { ...quick, graceMs: 50 };
      await (await acquireLock(file, { timing, onWait: (line) => lines.push(line) })).release();
      expect(lines).toHaveLength(1);
    },
  );

  it('while it was taken over is no hindrance', async () => {
    leave(owner({ started: '1' }));
    writeFileSync(`${file}.takeover`, owner({ pid: spawnSync('true').pid, id: 'y' }));
    await (await acquireLock(file, { timing: quick })).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('by a process that stands still is taken over; that one notices when it goes on', async () => {
    const child = await hold();
    child.kill('SIGSTOP');
    // Whether or not it was about to refresh it.
    await vi.waitUntil(() => stateOf(child.pid) === 'T', { timeout: 30_000 });
    leave(readFileSync(file, 'utf8'), 3600);
    const lines: string[] = [];
    const lock = await acquireLock(file, {
      timing: { ...quick, refreshMs: 20 },
      onWait: (line) => lines.push(line),
    });
    // It lives and may only have slept: it gets the time to say so.
    expect(lines).toHaveLength(1);
    child.kill('SIGCONT');
    const [said] = await once(child.stdout as Readable, 'data');
    expect(String(said)).toContain(`was taken over by process ${process.pid} on ${hostname()} while`);
    await end(child, 'SIGTERM');
    expect(ownerNow().pid).toBe(process.pid);
    await lock.release();
  });
});

describe('a lock in use', () => {
  const refusal = (options: LockOptions = {}) =>
    acquireLock(file, { timing: quick, ...options }).then(
      () => undefined,
      (error: Error & { hint?: string }) => ({ message: error.message, hint: error.hint }),
    );

  it('by a process out of sight is told when that one refreshes it', async () => {
    leave(foreign());
    const timer = setInterval(() => writeFileSync(file, readFileSync(file), { flag: 'r+' }), 20);
    expect(await refusal({ what: 'runs/a', hint: 'Choose another.' })).toEqual({
      message: 'runs/a is in use by process 12 on pod-a',
      hint: 'Choose another.',
    });
    clearInterval(timer);
  });

  it('is waited for so long', async () => {
    leave(owner({}));
    expect(await refusal({ waitMs: 100 })).toEqual({
      message: `${file} is in use by process ${process.pid} on ${hostname()}`,
      hint: 'Wait for it, or end it.',
    });
  });

  it.each([
    ['in use', () => leave(owner({}))],
    ['empty', () => leave('', -3600)],
    ['out of sight', () => leave(foreign())],
  ])('ends the waiting with the signal: %s', async (_, make) => {
    make();
    const stop = new AbortController();
    const waiting = acquireLock(file, {
      waitMs: 60_000,
      signal: stop.signal,
      onWait: () => stop.abort(new Error('enough')),
    });
    await expect(waiting).rejects.toThrow('enough');
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is judged by the clock of the disk, not by this machine’s', async () => {
    leave(foreign());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_000 });
    const stop = new AbortController();
    const onWait = () => stop.abort(new Error('still waits'));
    await expect(acquireLock(file, { signal: stop.signal, onWait })).rejects.toThrow('still waits');
  });

  it('is refreshed while it is held, and made anew where somebody has removed it', async () => {
    const lock = await acquireLock(file, { timing: { refreshMs: 20 } });
    const before = statSync(file, { bigint: true }).mtimeNs;
    await vi.waitUntil(() => statSync(file, { bigint: true }).mtimeNs > before, { timeout: 30_000 });
    rmSync(file);
    await vi.waitUntil(() => existsSync(file), { timeout: 30_000 });
    await lock.release();
    expect(existsSync(file)).toBe(false);
  });

  it('that is no file is an error that says so', async () => {
    mkdirSync(file);
    expect(await refusal()).toMatchObject({ message: `${file} is no file` });
  });
});

describe('a lock that was lost', () => {
  const makeError = ({ message, hint }: { message: string; hint: string }) =>
    new Error(`${message}. ${hint}`);
  const never = { refreshMs: 3600_000 };

  it('to another process is noticed before anything is written, and left to that one', async () => {
    const lock = await acquireLock(file, { timing: never, what: 'runs/a', makeError });
    await lock.check();
    leave(foreign());
    // Minutes go by.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 300_000 });
    const lost =
      'runs/a was taken over by process 12 on pod-a while this process stood still. Nothing was written';
    await expect(lock.check()).rejects.toThrow(lost);
    await expect(lock.check()).rejects.toThrow(lost);
    expect(lock.signal.reason).toMatchObject({ message: expect.stringContaining(lost) });
    await lock.release();
    expect(ownerNow()).toMatchObject({ host: 'pod-a' });
  });

  it('to one that has done its work already is noticed, too', async () => {
    const lock = await acquireLock(file, { timing: never, makeError });
    rmSync(file);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 300_000 });
    await expect(lock.check()).rejects.toThrow('lost its lock while this process stood still');
    await lock.release();
    expect(existsSync(file)).toBe(false);
  });

  it('is no fear where the process slept and nobody came', async () => {
    const lock = await acquireLock(file, { timing: never });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 300_000 });
    await lock.check();
    await lock.release();
    expect(existsSync(file)).toBe(false);
  });
});

function stateOf(pid: number | undefined): string | undefined {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[0];
}

/** Needs the rights of root, and a kernel that lets make namespaces. */
const unshare = ['unshare', '-pf', '--kill-child', '--mount-proc'];
const canUnshare = spawnSync(unshare[0] ?? '', [...unshare.slice(1), 'true']).status === 0;
if (!canUnshare)
  console.log('not run: locks across PID namespaces (unshare -pf --mount-proc is not allowed here)');

describe.runIf(canUnshare)('a lock across namespaces of process numbers', () => {
  it('is respected while its owner lives, and taken over after', async () => {
    // Number 1 there, as its successor's would be.
    const child = await hold(unshare);
    expect(ownerNow()).toMatchObject({ pid: 1, host: hostname() });
    await expect(acquireLock(file)).rejects.toThrow('in use by process 1 on');
    await end(child, 'SIGKILL');
    const time = Date.now() / 1000 - 61;
    utimesSync(file, time, time);
    const successor = await hold(unshare);
    expect(ownerNow()).toMatchObject({ pid: 1 });
    await end(successor, 'SIGKILL');
  });
});

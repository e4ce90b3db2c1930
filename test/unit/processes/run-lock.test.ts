/** The lock of a run folder as training meets it; test/unit/lock holds what all locks do. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SvgT2IError } from '../../../lib/errors.js';
import { ownIdentity } from '../../../lib/lock/process.mjs';
import { lockRunFolder } from '../../../lib/processes/run-lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-run-lock-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const lockFile = () => join(folder, 'lock');

it('is held once', async () => {
  const first = await lockRunFolder(folder);
  await expect(lockRunFolder(folder)).rejects.toMatchObject({
    code: 'ERR_SVGT2I_RUN_FOLDER',
    message: `${folder} is in use by process ${process.pid} on ${hostname()}`,
    hint: expect.stringContaining('--run'),
  });
  await first.release();
  expect(readdirSync(folder)).toEqual([]);
  await (await lockRunFolder(folder)).release();
});

it('of a run that was killed on another host is taken over by its successor', async () => {
  writeFileSync(lockFile(), JSON.stringify({ ...ownIdentity(), host: 'pod-a', boot: 'another', id: 'x' }));
  const lines: string[] = [];
  const timing = { staleMs: 50, pollMs: 5 };
  const taken = await lockRunFolder(folder, { timing, onWait: (line) => lines.push(line) });
  expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toMatchObject(ownIdentity());
  expect(lines).toEqual([
    `waiting up to 1 s to see whether process ${process.pid} on pod-a still holds ${lockFile()}`,
  ]);
  await taken.release();
});

it('that was taken over is an error of its own before anything more is written', async () => {
  const lock = await lockRunFolder(folder);
  writeFileSync(lockFile(), JSON.stringify({ ...ownIdentity(), pid: 12, host: 'pod-b', id: 'x' }));
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 120_000 });
  await expect(lock.check()).rejects.toMatchObject({
    code: 'ERR_SVGT2I_RUN_FOLDER',
    message: `${folder} was taken over by process 12 on pod-b while this process stood still`,
    hint: expect.stringContaining('Nothing was written since'),
  });
  await lock.release();
  expect(readdirSync(folder)).toEqual(['lock']);
});

it('ends its waiting with the signal', async () => {
  writeFileSync(lockFile(), '{"pid":12,"host":"node-17","started":"1"}');
  const stop = new AbortController();
  const onWait = () => stop.abort(new SvgT2IError('ERR_SVGT2I_CANCELLED', 'interrupted'));
  await expect(lockRunFolder(folder, { signal: stop.signal, onWait })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_CANCELLED',
  });
});

it('of a folder that cannot be written is a typed error', async () => {
  await expect(lockRunFolder('/proc')).rejects.toSatisfy((error) => SvgT2IError.isInstance(error));
});

/** Locks on a file system without hard links, as FAT and some network disks. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { acquireLock, withLock } from '../../../lib/lock/lock.mjs';
import { ownIdentity } from '../../../lib/lock/process.mjs';

vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  link: () => Promise.reject(Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' })),
}));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('still lets one in at a time, and takes over from the dead', async () => {
  const file = join(folder, 'lock');
  writeFileSync(file, JSON.stringify({ ...ownIdentity(), started: '1', id: 'x' }));
  let inside = 0;
  const enter = () =>
    withLock(file, { waitMs: 60_000, timing: { pollMs: 1 } }, async () => {
      expect(++inside).toBe(1);
      await expect(acquireLock(file)).rejects.toThrow(`in use by process ${process.pid}`);
      inside--;
    });
  await Promise.all([enter(), enter(), enter()]);
  expect(existsSync(file)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

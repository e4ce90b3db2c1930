import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../../lib/install/lock.js';
import { temporaryFolder } from './fixtures.js';

const options = { pollMs: 5 };

describe('withLock', () => {
  it('lets one in at a time and reports who is waited for', async () => {
    const file = join(temporaryFolder(), 'deep/.lock');
    let inside = 0;
    let most = 0;
    const holders: number[] = [];
    const work = async () => {
      most = Math.max(most, ++inside);
      expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
      await sleep(10);
      inside -= 1;
    };
    const enter = () => withLock(file, { ...options, onWait: (pid) => holders.push(pid) }, work);
    await Promise.all([enter(), enter(), enter(), enter()]);
    expect(most).toBe(1);
    expect(holders).toContain(process.pid);
    expect(existsSync(file)).toBe(false);
  });

  it('takes over the lock of a process that has died', async () => {
    const file = join(temporaryFolder(), '.lock');
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(file, String(dead));
    let entered = 0;
    const enter = () =>
      withLock(file, options, async () => {
        entered += 1;
      });
    await Promise.all([enter(), enter()]);
    expect(entered).toBe(2);
    expect(existsSync(file)).toBe(false);
  });

  it('is free again after a failure', async () => {
    const file = join(temporaryFolder(), '.lock');
    const failing = withLock(file, options, () => Promise.reject(new Error('no luck')));
    await expect(failing).rejects.toThrow('no luck');
    expect(await withLock(file, options, async () => 'again')).toBe('again');
  });
});

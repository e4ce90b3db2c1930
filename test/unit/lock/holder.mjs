// A process that holds a lock: `holder.mjs FILE hold` says "held" and waits for its end; `holder.mjs FILE take TIMES` takes it
// so many times and fails where another one has it too.
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock, withLock } from '../../../lib/lock/lock.mjs';

const [file = '', mode, times] = process.argv.slice(2);

if (mode === 'hold') {
  process.on('SIGTERM', () => process.exit(3));
  const lock = await acquireLock(file, { timing: { refreshMs: 50 } });
  lock.signal.addEventListener('abort', () => console.log(lock.signal.reason.message));
  console.log('held');
  setInterval(() => undefined, 1000);
} else {
  for (let i = 0; i < Number(times); i++) {
    await withLock(file, { waitMs: 120_000, timing: { pollMs: 1 } }, async () => {
      writeFileSync(`${file}.inside`, '', { flag: 'wx' });
      await sleep(2);
      rmSync(`${file}.inside`);
    });
  }
}

// libtorch is opened before a command line is read, and a process ends without taking it apart: neither may be noticed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from './cli.js';

const NO_LIBTORCH = { SVG_T2I_LIBTORCH: '/nowhere' };

it('what is wrong with the command line is told first, and then that libtorch is missing', async () => {
  const wrong = await run(['sample', 'a fox', '--set', 'sample.steps=-1'], { env: NO_LIBTORCH });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('sample.steps') });
  const missing = await run(['quickstart'], { env: NO_LIBTORCH });
  expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining('/nowhere') });
});

it('ends with its own exit code, when all is printed and all listeners have run', async () => {
  const script = fileURLToPath(new URL('fixtures/end-soon.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = 0;
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  const ended = once(child, 'close');
  for await (const chunk of child.stdout) {
    if (printed === 0) await sleep(500); // a reader that is slower than the process
    printed += (chunk as Buffer).length;
  }
  expect(await ended).toEqual([7, null]);
  expect(printed).toBe(5e6);
  expect(told).toBe('locks are given back\n');
});

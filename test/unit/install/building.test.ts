/** How the addon is built where: in copied clones, in containers. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOfAnotherClone } from '../../../lib/install/build.js';
import { buildJobs } from '../../../lib/install/jobs.js';
import { memoryAvailable, memoryLimit } from '../../../lib/install/memory.js';
import { runProgram } from '../../../lib/install/run-program.js';
import { temporaryFolder } from './fixtures.js';

const GIB = 1024 ** 3;

describe('the memory that may be taken', () => {
  it('is the least of the machine’s and the container’s', () => {
    expect(memoryLimit(16 * GIB, 4 * GIB)).toBe(4 * GIB);
    expect(memoryLimit(16 * GIB, 2 ** 64)).toBe(16 * GIB);
    expect(memoryLimit(16 * GIB, 0)).toBe(16 * GIB);
    expect(memoryLimit(16 * GIB, undefined)).toBe(16 * GIB);
    expect(memoryLimit()).toBeLessThanOrEqual(totalmem());
    expect(memoryAvailable()).toBeLessThanOrEqual(memoryLimit());
  });
});

describe('how many files are compiled at once', () => {
  it('is what was asked for, else what CMake’s variable says, else what the memory bears', () => {
    const env = { CMAKE_BUILD_PARALLEL_LEVEL: '3' };
    expect(buildJobs(7, env)).toBe(7);
    expect(buildJobs(undefined, env)).toBe(3);
    expect(buildJobs(undefined, {}, GIB)).toBe(1);
    expect(buildJobs(undefined, { CMAKE_BUILD_PARALLEL_LEVEL: '' }, 2 * GIB)).toBe(1);
    expect(buildJobs(undefined, {}, 1e15)).toBeGreaterThanOrEqual(1);
  });

  it.each([[0], [1.5], [Number.NaN], [-1], [5000]])('is a number of files, which %d is not', (jobs) => {
    expect(() => buildJobs(jobs, {})).toThrow(/^--jobs must be a whole number/);
    const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(jobs) };
    expect(() => buildJobs(undefined, env)).toThrow(/^CMAKE_BUILD_PARALLEL_LEVEL must be a whole number/);
  });
});

describe('the folder of the build', () => {
  it('is another clone’s where CMake made it for one', () => {
    const [folder, clone] = [temporaryFolder(), temporaryFolder()];
    const made = (home: string) =>
      writeFileSync(join(folder, 'CMakeCache.txt'), `A:STRING=b\nCMAKE_HOME_DIRECTORY:INTERNAL=${home}\n`);
    expect(isOfAnotherClone(folder, clone)).toBe(false);
    made(clone);
    expect(isOfAnotherClone(folder, clone)).toBe(false);
    mkdirSync(join(clone, 'deep'));
    symlinkSync(clone, join(clone, 'deep/link'));
    made(join(clone, 'deep/link'));
    expect(isOfAnotherClone(folder, clone)).toBe(false);
    made(join(clone, 'deep'));
    expect(isOfAnotherClone(folder, clone)).toBe(true);
    made('/nowhere');
    expect(isOfAnotherClone(folder, clone)).toBe(true);
    writeFileSync(join(folder, 'CMakeCache.txt'), 'cut');
    expect(isOfAnotherClone(folder, clone)).toBe(true);
  });
});

describe('a program that is run', () => {
  it('tells its code and its last words', async () => {
    const result = await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 3']);
    expect(result).toEqual({ code: 3, output: expect.stringMatching(/out\n|err\n/) });
    expect(await runProgram('/nowhere/program', [])).toEqual({ code: undefined, output: '' });
  });

  it('is not started after the signal, and ended by it even where it does not listen', async () => {
    const enough = new Error('enough');
    await expect(runProgram('sh', [], { signal: AbortSignal.abort(enough) })).rejects.toBe(enough);
    const stop = new AbortController();
    const running = runProgram('sh', ['-c', "trap '' TERM; echo on; sleep 600 & wait; sleep 600"], {
      signal: stop.signal,
      onStart: ({ stdout }) => stdout?.once('data', () => stop.abort(enough)),
    });
    await expect(running).rejects.toBe(enough);
  });
});

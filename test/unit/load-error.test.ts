import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { firstLine } from '../../lib/errors.js';
import { loadHint } from '../../lib/native/load-error.js';

/** An addon that asks a library for a version of a symbol that the library, as it is when it is loaded, lacks. */
function addonOfTheFuture(): string {
  const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-future-'));
  const compile = (output: string, source: string, ...flags: readonly string[]) => {
    writeFileSync(join(folder, `${output}.c`), source);
    const input = ['-x', 'c', `${output}.c`, '-x', 'none'];
    execFileSync('c++', ['-shared', '-fPIC', '-o', output, ...input, ...flags], { cwd: folder });
  };
  const library = 'int from_the_future(void) { return 1; }';
  const versioned = (version: string) => {
    writeFileSync(join(folder, 'version.map'), `${version} { from_the_future; };`);
    compile('libfuture.so', library, '-Wl,--version-script=version.map');
  };
  versioned('GLIBCXX_9.9.9');
  compile(
    'addon.node',
    'int from_the_future(void); int f(void) { return from_the_future(); }',
    '-L.',
    '-lfuture',
    '-Wl,-rpath,$ORIGIN',
  );
  versioned('GLIBCXX_3.4');
  return join(folder, 'addon.node');
}

it('names the library that is too old and what would do', () => {
  const addon = addonOfTheFuture();
  let message = '';
  try {
    createRequire(import.meta.url)(addon);
  } catch (error) {
    message = firstLine(error);
  }
  expect(message).toContain('GLIBCXX_9.9.9');
  expect(loadHint(message)).toMatch(/libfuture\.so of this system is older than GLIBCXX_9\.9\.9\. .*GCC 11/);
});

it('points to doctor otherwise', () => {
  expect(loadHint('libtorch.so: undefined symbol: x')).toMatch(/svg-t2i doctor/);
});

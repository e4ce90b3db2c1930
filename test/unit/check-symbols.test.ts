import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

/** Compiles a shared library and returns its path. */
function library(name: string, source: string, ...flags: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(`${file}.c`, source);
  execFileSync('c++', ['-shared', '-fPIC', '-o', file, '-x', 'c', `${file}.c`, '-x', 'none', ...flags], {
    cwd: folder,
  });
  return file;
}

function check(file: string): { readonly code: number | null; readonly problems: readonly string[] } {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/check-symbols.mjs', '--strict', file], {
    cwd: root,
    encoding: 'utf8',
  });
  return { code: status, problems: stderr.split('\n').filter((line) => line !== '') };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-t2i-symbols-'));
});

it('takes a stripped library that asks for old symbols alone', () => {
  const source = '#include <string.h>\nint f(const char *s) { return strlen(s); }';
  expect(check(library('libold.so', source, '-s'))).toEqual({ code: 0, problems: [] });
  const whole = library('libwhole.so', source);
  expect(check(whole)).toEqual({ code: 1, problems: ['libwhole.so: is not stripped'] });
});

it('names symbols above the floor, other libraries, run paths and the paths of the builder', () => {
  // A library of the future: its function has a version that no system of today has.
  writeFileSync(join(folder, 'future.map'), 'GLIBC_9.9 { from_the_future; };');
  library('libfuture.so', 'int from_the_future(void) { return 1; }', '-Wl,--version-script=future.map');
  const source = `int from_the_future(void);
    const char *place = "${root}native/core/error.h";
    int f(void) { return from_the_future(); }`;
  const file = library('libnew.so', source, '-s', '-L.', '-lfuture', '-Wl,-rpath,/somewhere');
  expect(check(file)).toEqual({
    code: 1,
    problems: [
      'libnew.so: from_the_future asks for GLIBC_9.9, newer than 2.28',
      'libnew.so: needs libfuture.so',
      expect.stringMatching(/^libnew\.so: has the (RUNPATH|RPATH) \/somewhere$/),
      `libnew.so: names a path of this machine: ${root}native/core/error.h`,
      expect.stringMatching(/^fix: build with GCC 11 or 12/),
    ],
  });
});

it('says of a file that is not there that it is not built', () => {
  expect(check(join(folder, 'none.node'))).toMatchObject({
    code: 1,
    problems: [/not built/].map((text) => expect.stringMatching(text)),
  });
});

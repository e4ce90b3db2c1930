import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseLibtorch } from '../../../lib/native/load.js';
import { libtorchFiles, temporaryFolder, writeFiles } from './fixtures.js';

const build = { torch: '2.13.0', flavour: 'cpu', libtorch: '/nowhere' };

function libtorch(version: string): string {
  return writeFiles(temporaryFolder(), libtorchFiles(version));
}

function cacheWith(...names: readonly string[]): { readonly SVG_T2I_HOME: string } {
  const home = temporaryFolder();
  for (const name of names) {
    const cuda = name.endsWith('cpu') ? {} : { 'lib/libtorch_cuda.so': '', 'build-version': name };
    writeFiles(join(home, 'libtorch', name), libtorchFiles(name.split('+')[0] ?? '', cuda));
  }
  return { SVG_T2I_HOME: home };
}

describe('chooseLibtorch', () => {
  it('takes the one that the addon was built against', () => {
    const dir = libtorch('2.13.0');
    expect(chooseLibtorch({ ...build, libtorch: dir }, cacheWith('2.13.0+cpu')).dir).toBe(dir);
  });

  it('takes another patch version from the cache where that one is gone', () => {
    expect(chooseLibtorch(build, cacheWith('2.12.0+cpu', '2.13.1+cpu')).version).toBe('2.13.1');
  });

  it('prefers the flavour of the build', () => {
    expect(chooseLibtorch(build, cacheWith('2.13.0+cu130', '2.13.0+cpu')).flavour).toBe('cpu');
    expect(
      chooseLibtorch({ ...build, flavour: 'cu130' }, cacheWith('2.13.0+cu130', '2.13.0+cpu')).flavour,
    ).toBe('cu130');
  });

  it('takes a named one, and only that', () => {
    const dir = libtorch('2.13.2');
    const env = { ...cacheWith('2.13.0+cpu'), LIBTORCH: dir };
    expect(chooseLibtorch(build, env).dir).toBe(dir);
    expect(() => chooseLibtorch(build, { ...env, SVG_T2I_LIBTORCH: libtorch('2.12.0') })).toThrow(
      expect.objectContaining({ code: 'ERR_SVGT2I_TORCH_VERSION' }),
    );
  });

  it('lists each folder once, however many ways lead to it', () => {
    const env = cacheWith('2.14.0+cpu');
    const dir = join(env.SVG_T2I_HOME, 'libtorch/2.14.0+cpu');
    symlinkSync(dir, join(env.SVG_T2I_HOME, 'libtorch/2.14.1+cpu'));
    expect(() => chooseLibtorch({ ...build, libtorch: dir }, env)).toThrow(
      expect.objectContaining({
        message: `no fitting libtorch. Found: libtorch 2.14.0 in ${dir}. Requires: libtorch 2.13 (cpu)`,
      }),
    );
  });

  it('says what it found and what it needs', () => {
    expect(() => chooseLibtorch(build, { SVG_T2I_HOME: temporaryFolder() })).toThrow(
      expect.objectContaining({
        code: 'ERR_SVGT2I_LIBTORCH_MISSING',
        message: 'no fitting libtorch. Found: none. Requires: libtorch 2.13 (cpu)',
        hint: expect.stringContaining('svg-t2i install'),
      }),
    );
    expect(() => chooseLibtorch(build, cacheWith('2.14.0+cpu'))).toThrow(
      /Found: libtorch 2\.14\.0 in .*Requires: libtorch 2\.13/,
    );
  });
});

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BuildInfo } from '../../../lib/install/build-info.js';
import type { Environment } from '../../../lib/install/paths.js';
import { chooseNative } from '../../../lib/native/choose.js';
import { libtorchFiles, temporaryFolder, writeFiles } from './fixtures.js';

const build = { torch: '2.13.0', flavour: 'cpu', libtorch: '/nowhere' };

const addon = (info: BuildInfo) => ({ addon: `${info.flavour}.node`, loaderFolder: '', build: info });

/** The libtorch for one addon. */
function chooseLibtorch(info: BuildInfo, env: Environment) {
  return chooseNative([addon(info)], env, () => false).libtorch;
}

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

describe('the libtorch of an addon', () => {
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
        message: `no fitting libtorch. Found: libtorch 2.14.0 (cpu) in ${dir}. Requires: libtorch 2.13 (cpu)`,
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
      /Found: libtorch 2\.14\.0 \(cpu\) in .*Requires: libtorch 2\.13/,
    );
  });
});

describe('the addon of a package that brings two', () => {
  const choose = (env: Environment, hasDriver = false) => {
    const addons = ['cpu', 'cu130'].map((flavour) => addon({ torch: '2.13.0', flavour }));
    const [first, ...others] = addons;
    if (first === undefined) throw new Error('no addon');
    const { files, libtorch } = chooseNative([first, ...others], env, () => hasDriver);
    return [files.addon, libtorch.flavour];
  };

  it('is the one for the libtorch that is there', () => {
    expect(choose(cacheWith('2.13.0+cpu'))).toEqual(['cpu.node', 'cpu']);
    expect(choose(cacheWith('2.13.0+cu130'))).toEqual(['cu130.node', 'cu130']);
    const env = cacheWith('2.13.0+cpu', '2.13.0+cu130');
    const named = join(env.SVG_T2I_HOME, 'libtorch/2.13.0+cu130');
    expect(choose({ ...env, SVG_T2I_LIBTORCH: named })).toEqual(['cu130.node', 'cu130']);
  });

  it('is the one for CUDA where both are there, if there is a driver', () => {
    const env = cacheWith('2.13.0+cpu', '2.13.0+cu130');
    expect(choose(env)).toEqual(['cpu.node', 'cpu']);
    expect(choose(env, true)).toEqual(['cu130.node', 'cu130']);
  });

  it('is the one for a CPU on a libtorch of another CUDA, which may have other kernels and another NCCL', () => {
    expect(choose(cacheWith('2.13.0+cu126'))).toEqual(['cpu.node', 'cu126']);
  });

  it('is never the one for CUDA on a libtorch without', () => {
    expect(() => chooseLibtorch({ torch: '2.13.0', flavour: 'cu130' }, cacheWith('2.13.0+cpu'))).toThrow(
      /Found: libtorch 2\.13\.0 \(cpu\) in .*Requires: libtorch 2\.13 \(cu130\)$/,
    );
  });
});

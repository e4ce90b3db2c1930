import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkCxxAbi, inspectLibtorch, librariesToOpen } from '../../../lib/install/libtorch.js';
import { cachedLibtorchs, findLibtorch } from '../../../lib/install/locate.js';
import { libtorchFiles, temporaryFolder, writeFiles } from './fixtures.js';

function libtorch(version = '2.13.0', extra: Readonly<Record<string, string>> = {}): string {
  return writeFiles(temporaryFolder(), libtorchFiles(version, extra));
}

/** A cache with these libtorchs; returns what SVG_T2I_HOME must be. */
function cacheWith(...names: readonly string[]): string {
  const home = temporaryFolder();
  for (const name of names) {
    const [version = '', flavour = ''] = name.split('+');
    const cuda = { 'lib/libtorch_cuda.so': '', 'build-version': `${version}+${flavour}\n` };
    writeFiles(join(home, 'libtorch', name), libtorchFiles(version, flavour === 'cpu' ? {} : cuda));
  }
  return home;
}

/** A stand-in for a Python: prints a folder, as `pythonTorchFolder` asks for. */
function pythonWith(torch: string): string {
  const python = join(temporaryFolder(), 'python');
  writeFiles(join(python, '..'), { python: `#!/bin/sh\necho ${torch}\n` });
  chmodSync(python, 0o755);
  return python;
}

describe('inspectLibtorch', () => {
  it('reads version and flavour', () => {
    expect(inspectLibtorch(libtorch('2.12.1'))).toMatchObject({ version: '2.12.1', flavour: 'cpu' });
    const wheel = { 'lib/libtorch_cuda.so': '', 'version.py': "cuda: Optional[str] = '13.0'\n" };
    expect(inspectLibtorch(libtorch('2.13.0', wheel))).toMatchObject({ flavour: 'cu130' });
    expect(inspectLibtorch(libtorch('2.13.0', { 'lib/libtorch_cuda.so': '' }))).toMatchObject({
      flavour: 'cuda',
    });
  });

  it.each(['libtorch', 'torch'])('takes the folder above %s/', (name) => {
    const above = temporaryFolder();
    const dir = writeFiles(join(above, name), libtorchFiles('2.13.0'));
    expect(inspectLibtorch(above).dir).toBe(dir);
  });

  it('refuses folders without libtorch, without headers and of other versions', () => {
    const code = (name: string) => expect.objectContaining({ code: `ERR_SVGT2I_${name}` });
    expect(() => inspectLibtorch(temporaryFolder())).toThrow(code('LIBTORCH_MISSING'));
    const bare = writeFiles(temporaryFolder(), { 'lib/libtorch.so': '' });
    expect(() => inspectLibtorch(bare)).toThrow(code('LIBTORCH_MISSING'));
    expect(() => inspectLibtorch(libtorch('2.10.0'))).toThrow(code('TORCH_VERSION'));
  });

  it('refuses the old C++ ABI', () => {
    checkCxxAbi(inspectLibtorch(libtorch()));
    const old = inspectLibtorch(libtorch('2.13.0', { 'lib/libc10.so': '_ZN3c105ErrorC1ESs' }));
    expect(() => checkCxxAbi(old)).toThrow(/old C\+\+ ABI/);
  });

  it('opens dependencies before dependants, and nothing else', () => {
    const names = [
      'libtorch_cuda.so',
      'libc10_cuda.so',
      'libcudart.so.13',
      'libcublas.so.13',
      'libcublasLt.so.13',
    ];
    const extra = Object.fromEntries(
      [...names, 'libgomp.so.1', 'libshm.so'].map((name) => [`lib/${name}`, '']),
    );
    const opened = librariesToOpen(inspectLibtorch(libtorch('2.13.0', extra)));
    expect(opened.map((path) => path.slice(path.lastIndexOf('/') + 1))).toEqual([
      'libgomp.so.1',
      'libcudart.so.13',
      'libcublasLt.so.13',
      'libcublas.so.13',
      'libc10.so',
      'libc10_cuda.so',
      'libtorch_cpu.so',
      'libtorch_cuda.so',
      'libtorch.so',
    ]);
  });
});

describe('findLibtorch', () => {
  it('goes through the search order', () => {
    const [option, own, common, python] = [libtorch(), libtorch(), libtorch(), libtorch()];
    const env = {
      SVG_T2I_LIBTORCH: own,
      LIBTORCH: common,
      SVG_T2I_HOME: cacheWith('2.13.0+cpu'),
      LIBTORCH_USE_PYTORCH: '1',
      SVG_T2I_PYTHON: pythonWith(python),
    };
    expect(findLibtorch({ libtorch: option, env })).toMatchObject({ source: '--libtorch', dir: option });
    expect(findLibtorch({ env })).toMatchObject({ source: 'SVG_T2I_LIBTORCH', dir: own });
    expect(findLibtorch({ env: { ...env, SVG_T2I_LIBTORCH: '' } })).toMatchObject({
      source: 'LIBTORCH',
      dir: common,
    });
    const later = { ...env, SVG_T2I_LIBTORCH: undefined, LIBTORCH: undefined };
    expect(findLibtorch({ env: later })).toMatchObject({ source: 'cache' });
    const empty = { ...later, SVG_T2I_HOME: temporaryFolder() };
    expect(findLibtorch({ env: empty })).toMatchObject({ source: 'python', dir: python });
    expect(findLibtorch({ env: { SVG_T2I_HOME: empty.SVG_T2I_HOME } })).toBeUndefined();
  });

  it('does not pass over a named folder that is no good', () => {
    const env = { LIBTORCH: temporaryFolder(), SVG_T2I_HOME: cacheWith('2.13.0+cpu') };
    expect(() => findLibtorch({ env })).toThrow(
      expect.objectContaining({ code: 'ERR_SVGT2I_LIBTORCH_MISSING' }),
    );
  });

  it('says which Python has no torch', () => {
    const env = { SVG_T2I_HOME: temporaryFolder() };
    expect(() => findLibtorch({ env, fromPython: pythonWith('') })).toThrow(/has no torch/);
    expect(() => findLibtorch({ env, fromPython: '/nowhere/python' })).toThrow(/does not run/);
  });

  it('prefers the pinned version and CUDA, and takes version and flavour by name', () => {
    const env = { SVG_T2I_HOME: cacheWith('2.14.0+cpu', '2.13.0+cpu', '2.13.0+cu128', '2.12.0+cpu') };
    const names = cachedLibtorchs(env).map(({ version, flavour }) => `${version}+${flavour}`);
    expect(names).toEqual(['2.13.0+cu128', '2.13.0+cpu', '2.14.0+cpu', '2.12.0+cpu']);
    expect(findLibtorch({ env, flavour: 'cpu' })).toMatchObject({ version: '2.13.0', flavour: 'cpu' });
    expect(findLibtorch({ env, version: '2.12.0' })).toMatchObject({ version: '2.12.0' });
    expect(findLibtorch({ env, flavour: 'cu126' })).toBeUndefined();
  });

  it('overlooks unfinished folders and links to nowhere', () => {
    const home = cacheWith('2.13.0+cpu');
    writeFiles(join(home, 'libtorch/.partial-x'), libtorchFiles('2.13.0'));
    const gone = temporaryFolder();
    symlinkSync(gone, join(home, 'libtorch/2.14.0+cpu'));
    rmSync(gone, { recursive: true });
    expect(cachedLibtorchs({ SVG_T2I_HOME: home })).toHaveLength(1);
  });
});

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashOfFile } from '../../../lib/fetch/disk.js';
import { SOURCES } from '../../../lib/install/build.js';
import { adoptLibtorch, ensureLibtorch, planInstall } from '../../../lib/install/install.js';
import { inspectLibtorch } from '../../../lib/install/libtorch.js';
import { findLibtorch } from '../../../lib/install/locate.js';
import { PACKAGE_ROOT } from '../../../lib/install/paths.js';
import { processTag } from '../../../lib/lock/process.mjs';
import { libtorchFiles, libtorchZip, temporaryFolder, writeFiles, zipOf } from './fixtures.js';

function home(): { readonly env: { readonly SVG_T2I_HOME: string }; readonly cache: string } {
  const folder = temporaryFolder();
  return { env: { SVG_T2I_HOME: folder }, cache: join(folder, 'libtorch') };
}

function archive(content: Buffer = libtorchZip('2.13.0')): string {
  const file = join(temporaryFolder(), 'libtorch.zip');
  writeFileSync(file, content);
  return file;
}

describe('ensureLibtorch', () => {
  it('unpacks an archive into the cache, and then finds it there', async () => {
    const { env, cache } = home();
    const extra = {
      'lib/libtorch_python.so': '',
      'lib/libjitbackend_test.so': '',
      'bin/protoc': '',
      'test/x': '',
    };
    const file = archive(libtorchZip('2.13.0', extra));
    const installed = await ensureLibtorch({ env, file, sha256: await hashOfFile(file) });
    const dir = join(cache, '2.13.0+cpu');
    expect(installed).toEqual({ dir, version: '2.13.0', flavour: 'cpu', source: 'fetched' });
    expect(readFileSync(join(dir, 'build-version'), 'utf8')).toBe('2.13.0+cpu\n');
    expect(readdirSync(dir).sort()).toEqual(['build-version', 'include', 'lib']);
    expect(readdirSync(join(dir, 'lib')).sort()).toEqual(['libc10.so', 'libtorch.so', 'libtorch_cpu.so']);
    expect(await ensureLibtorch({ env })).toMatchObject({ source: 'cache', dir });
    expect(readdirSync(cache)).toEqual(['2.13.0+cpu']);
  });

  it('names the folder by what was in the archive', async () => {
    const { env, cache } = home();
    const content = libtorchZip('2.12.1', {
      'lib/libtorch_cuda.so': '',
      'version.py': "cuda: str = '12.8'\n",
    });
    await ensureLibtorch({ env, file: archive(content) });
    expect(readdirSync(cache)).toEqual(['2.12.1+cu128']);
  });

  it('replaces what is there when forced to', async () => {
    const { env } = home();
    await ensureLibtorch({ env, file: archive() });
    const { dir } = await ensureLibtorch({ env, file: archive(libtorchZip('2.13.0', { 'lib/new.so': '' })) });
    expect(existsSync(join(dir, 'lib/new.so'))).toBe(true);
  });

  it.each([
    ['a wrong hash', {}, { sha256: 'f'.repeat(64) }, 'ERR_SVGT2I_INSTALL'],
    ['a full disk', {}, { freeBytes: async () => 10 }, 'ERR_SVGT2I_DISK_FULL'],
    ['another version', { content: libtorchZip('2.9.0') }, {}, 'ERR_SVGT2I_TORCH_VERSION'],
    [
      'the old ABI',
      { content: libtorchZip('2.13.0', { 'lib/libc10.so': 'old' }) },
      {},
      'ERR_SVGT2I_TORCH_VERSION',
    ],
    ['an archive of something else', { content: zipOf({ 'readme.txt': 'hello' }) }, {}, 'ERR_SVGT2I_INSTALL'],
    ['a file that is no archive', { content: Buffer.from('<html>') }, {}, 'ERR_SVGT2I_INSTALL'],
    ['a cut archive', { content: libtorchZip('2.13.0').subarray(0, 300) }, {}, 'ERR_SVGT2I_INSTALL'],
    [
      'names that leave the folder',
      { content: zipOf({ '../libtorch/lib/x.so': '' }) },
      {},
      'ERR_SVGT2I_INSTALL',
    ],
  ])('leaves nothing behind after %s', async (_, { content }: { content?: Buffer }, options, code) => {
    const { env, cache } = home();
    const failing = ensureLibtorch({ env, file: archive(content), ...options });
    await expect(failing).rejects.toMatchObject({ code });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('cleans up after an installation that died', async () => {
    const { env, cache } = home();
    writeFiles(join(cache, '.partial-old'), libtorchFiles('2.13.0'));
    await ensureLibtorch({ env, file: archive() });
    expect(readdirSync(cache)).toEqual(['2.13.0+cpu']);
  });

  it.each([
    ['empty, as a full disk left it', ''],
    ['of a process that has died, by an earlier version', '999999'],
    ['of a process of another machine', '{"pid":12,"host":"node-17","started":"1"}'],
  ])('is not held up by a lock that is nobody’s: %s', async (_, lock) => {
    const { env, cache } = home();
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, '.lock'), lock);
    utimesSync(join(cache, '.lock'), new Date(0), new Date(0));
    const [, started, where] = processTag().split('-');
    writeFileSync(join(cache, `.lock.1.${spawnSync('true').pid}-${started}-${where}.part`), '');
    await ensureLibtorch({ env, file: archive() });
    expect(readdirSync(cache)).toEqual(['2.13.0+cpu']);
  });

  it('unpacks once for two at a time', async () => {
    const { env, cache } = home();
    const file = archive();
    const results = await Promise.all([ensureLibtorch({ env, file }), ensureLibtorch({ env, file })]);
    expect(results.map(({ dir }) => dir)).toEqual([join(cache, '2.13.0+cpu'), join(cache, '2.13.0+cpu')]);
    expect(readdirSync(cache)).toEqual(['2.13.0+cpu']);
  });

  it('names a file that is not there, and a flavour that does not exist', async () => {
    const { env } = home();
    await expect(ensureLibtorch({ env, file: '/nowhere.zip' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    await expect(ensureLibtorch({ env, cuda: 'cu99' })).rejects.toMatchObject({ code: 'ERR_SVGT2I_USAGE' });
    await expect(ensureLibtorch({ env, torch: '2.9.0' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_TORCH_VERSION',
    });
  });

  it('takes the torch of a Python before the cache when asked to', async () => {
    const { env } = home();
    await ensureLibtorch({ env, file: archive() });
    const torch = writeFiles(temporaryFolder(), libtorchFiles('2.13.0'));
    const python = join(temporaryFolder(), 'python');
    writeFileSync(python, `#!/bin/sh\necho ${torch}\n`);
    chmodSync(python, 0o755);
    expect(await ensureLibtorch({ env, fromPython: python })).toMatchObject({ source: 'python', dir: torch });
  });
});

describe('planInstall', () => {
  it('says what would be fetched, and writes nothing', async () => {
    const { env, cache } = home();
    const url = 'https://example.org/x.zip';
    expect(await planInstall({ env, cuda: 'cu128', url })).toEqual({
      action: 'fetch',
      version: '2.13.0',
      flavour: 'cu128',
      dir: join(cache, '2.13.0+cu128'),
      from: [url],
    });
    await expect(planInstall({ env, file: '/nowhere.zip' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    expect(existsSync(cache)).toBe(false);
  });

  it('says what is there already', async () => {
    const { env, cache } = home();
    writeFiles(join(cache, '2.13.0+cpu'), libtorchFiles('2.13.0'));
    expect(await planInstall({ env })).toMatchObject({ action: 'use', from: ['cache'] });
    const file = archive();
    expect(await planInstall({ env, file, cuda: 'cpu' })).toMatchObject({ action: 'fetch', from: [file] });
  });
});

describe('adoptLibtorch', () => {
  it('offers a named libtorch to later runs, without touching one of ours', async () => {
    const { env, cache } = home();
    const dir = writeFiles(temporaryFolder(), libtorchFiles('2.13.0'));
    await adoptLibtorch(inspectLibtorch(dir), env);
    await adoptLibtorch(inspectLibtorch(dir), env);
    expect(findLibtorch({ env })).toMatchObject({ source: 'cache', dir: join(cache, '2.13.0+cpu') });
  });

  it('mends a link to nowhere', async () => {
    const { env, cache } = home();
    mkdirSync(cache, { recursive: true });
    const gone = inspectLibtorch(writeFiles(join(temporaryFolder(), 'a'), libtorchFiles('2.13.0')));
    await adoptLibtorch({ ...gone, dir: '/nowhere' }, env);
    await adoptLibtorch(gone, env);
    expect(findLibtorch({ env })).toMatchObject({ source: 'cache' });
  });
});

it('the package holds all that the addon is compiled from', () => {
  const { files } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
  expect(files).toEqual(expect.arrayContaining([...SOURCES]));
  const script = readFileSync(join(PACKAGE_ROOT, 'CMakeLists.txt'), 'utf8');
  const included = [...script.matchAll(/^include\((\w+)\//gm)].map((match) => match[1]);
  expect(included.length).toBeGreaterThan(0);
  expect(SOURCES).toEqual(expect.arrayContaining(included));
});

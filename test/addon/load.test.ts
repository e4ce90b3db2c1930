/** The addon in processes of its own: threads, a second load, a libtorch that does not fit. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findAddons } from '../../dist/native/addons.js';
import { libtorchFiles, temporaryFolder, writeFiles } from '../unit/install/fixtures.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const loadModule = pathToFileURL(`${root}dist/native/load.js`).href;

function runScript(script: string, env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: temporaryFolder(),
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

describe('the addon', () => {
  it('loads without a library path, twice, and the process ends cleanly', () => {
    const { status, stdout, stderr } = runScript(
      `const first = await import('${loadModule}');
       const second = await import('${loadModule}?again');
       console.log(JSON.parse(first.loadNative().info()).torch === JSON.parse(second.loadNative().info()).torch);
       console.log(first.loadNative() === first.loadNative());`,
      { LD_LIBRARY_PATH: '' },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'true\ntrue\n', stderr: '' });
  });

  it('loads in worker threads, also when the main thread has it', () => {
    const { status, stdout, stderr } = runScript(
      `import { Worker } from 'node:worker_threads';
       const { loadNative } = await import('${loadModule}');
       const code = "import('${loadModule}').then(({ loadNative }) => loadNative().info())";
       const run = () => new Promise((resolve) => new Worker(code, { eval: true }).once('exit', resolve));
       const codes = [await run(), ...(await Promise.all([run(), run()]))];
       loadNative();
       console.log([...codes, await run()].join());`,
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '0,0,0,0\n', stderr: '' });
  });

  it('refuses a libtorch of another minor version before opening it', () => {
    const dir = writeFiles(temporaryFolder(), libtorchFiles('2.11.0'));
    const { stdout } = runScript(
      `const { loadNative } = await import('${loadModule}');
       try { loadNative(); } catch (error) { console.log(error.code); }`,
      { SVG_T2I_LIBTORCH: dir },
    );
    expect(stdout).toBe('ERR_SVGT2I_TORCH_VERSION\n');
  });

  it('names the library that does not open', () => {
    const [{ build }] = findAddons();
    const cuda = build.flavour === 'cpu' ? {} : { 'lib/libtorch_cuda.so': 'torch_cuda' };
    const dir = writeFiles(temporaryFolder(), libtorchFiles(build.torch, cuda));
    const { stdout } = runScript(
      `const { loadNative } = await import('${loadModule}');
       try { loadNative(); } catch (error) { console.log(error.code, error.message, error.hint); }`,
      { SVG_T2I_LIBTORCH: dir },
    );
    expect(stdout).toContain('ERR_SVGT2I_ADDON_MISSING');
    expect(stdout).toContain(`${dir}/lib/libc10.so: `);
    expect(stdout).toContain('svg-t2i doctor');
  });
});

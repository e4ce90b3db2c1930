/** What `install` fetches from where: never a build that was not asked for, never half of one. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureLibtorch, type InstallOptions, planInstall } from '../../../lib/install/install.js';
import { checkFlavour } from '../../../lib/install/source.js';
import { type FakeWheel, fakePip } from './fake-pip.js';
import { libtorchFiles, libtorchZip, temporaryFolder } from './fixtures.js';

const below = (files: Readonly<Record<string, string>>, folder: string) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));

const CPU: FakeWheel = {
  file: 'torch-2.12.0-cp311-cp311-linux_x86_64.whl',
  files: below(libtorchFiles('2.12.0'), 'torch'),
};
const CUDA: FakeWheel = {
  ...CPU,
  requires: [
    'filelock',
    'cuda-toolkit[cublas,cudart]==13.0.2; platform_system == "Linux"',
    'nvidia-nccl-cu13==2.29.7; platform_system == "Linux"',
  ],
  files: below(
    libtorchFiles('2.12.0', {
      'lib/libtorch_cuda.so': 'x'.repeat(3000),
      'version.py': "cuda: str = '13.0'\n",
    }),
    'torch',
  ),
};
const TOOLKIT: FakeWheel = { file: 'cuda_toolkit-13.0.2-py3-none-any.whl', files: { 'cuda/x': '' } };
const NCCL: FakeWheel = {
  file: 'nvidia_nccl_cu13-2.29.7-py3-none-linux_x86_64.whl',
  files: { 'nvidia/nccl/lib/libnccl.so.2': 'n'.repeat(2_000_000) },
};
const LIBRARIES = { 'cuda-toolkit[cublas,cudart]==13.0.2': TOOLKIT, 'nvidia-nccl-cu13==2.29.7': NCCL };

let home: string;
let cache: string;
let options: InstallOptions;
let notes: string[];
beforeEach(() => {
  home = temporaryFolder();
  cache = join(home, 'libtorch');
  notes = [];
  options = {
    env: { SVG_T2I_HOME: home },
    torch: '2.12.0',
    onProgress: (event) => event.kind === 'note' && notes.push(event.message),
  };
  // The official server is not to be had.
  vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function offer(offers: Readonly<Record<string, FakeWheel>>, script = '') {
  const pip = fakePip(temporaryFolder(), offers, script);
  vi.stubEnv('SVG_T2I_PYTHON', pip.python);
  return pip;
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string; hint?: string }) => ({
      code: error.code,
      message: error.message,
      hint: error.hint,
    }),
  );

describe('a build that was not asked for', () => {
  it('is refused with its size and the way out, by the dry run as by the real one, and is not fetched', async () => {
    const { calls } = offer({ 'torch==2.12.0': CUDA, ...LIBRARIES });
    const real = await outcome(ensureLibtorch({ ...options, cuda: 'cpu' }));
    expect(real).toEqual({
      code: 'ERR_SVGT2I_INSTALL',
      message: expect.stringMatching(
        /^pip has torch 2\.12\.0 only as a build for cu130 \(3 MB to fetch\), not for cpu$/,
      ),
      hint: expect.stringMatching(
        /`svg-t2i install --torch 2\.12\.0 --cuda cu130`.*PIP_EXTRA_INDEX_URL=.*\/cpu/,
      ),
    });
    expect(await outcome(planInstall({ ...options, cuda: 'cpu' }))).toEqual(real);
    expect(calls().filter((call) => call.startsWith('download'))).toEqual([]);
    expect(notes[0]).toMatch(/^no official archive \(it refuses connections\); asking pip$/);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('is refused before the CUDA libraries where pip is too old to tell', async () => {
    const old = '[ "$1" = install ] && { echo "no such option: --report" >&2; exit 2; }';
    const { calls } = offer({ 'torch==2.12.0+cpu': CUDA, ...LIBRARIES }, old);
    expect(await outcome(ensureLibtorch({ ...options, cuda: 'cpu' }))).toMatchObject({
      message: 'pip has torch 2.12.0 only as a build for cu130 (size unknown), not for cpu',
    });
    expect(calls().filter((call) => call.startsWith('download'))).toHaveLength(1);
    expect(readdirSync(cache)).toEqual([]);
  });

  it.each([
    ['cu130', 'cu130', false, true],
    ['cpu', 'cu130', false, false],
    ['cu128', 'cu130', false, false],
    ['cu128', 'cu130', true, true],
    ['cu130', 'cu128', true, false],
    ['cuda', 'cu128', false, true],
    ['cuda', 'cpu', true, false],
  ] as const)('%s for %s (by the driver: %s) is taken: %s', (offered, flavour, isAuto, isTaken) => {
    const check = () => checkFlavour(offered, { flavour, isAuto, version: '2.13.0' }, undefined);
    if (isTaken) expect(check).not.toThrow();
    else expect(check).toThrow(/only as a build for/);
  });
});

describe('what was asked for', () => {
  it('is planned as it is installed: for the CPU', async () => {
    offer({ 'torch==2.12.0': CPU });
    const plan = await planInstall(options);
    expect(plan).toEqual({
      action: 'fetch',
      version: '2.12.0',
      flavour: 'cpu',
      dir: join(cache, '2.12.0+cpu'),
      from: ['pip download torch==2.12.0'],
      bytes: expect.any(Number),
    });
    expect(existsSync(cache)).toBe(false);
    expect(await ensureLibtorch(options)).toMatchObject({ flavour: 'cpu', dir: plan.dir });
    expect(readdirSync(cache)).toEqual(['2.12.0+cpu']);
  });

  it('is fetched with its CUDA libraries', async () => {
    offer({ 'torch==2.12.0,!=2.12.0+cpu': CUDA, ...LIBRARIES });
    const { dir, flavour } = await ensureLibtorch({ ...options, cuda: 'cu130' });
    expect(flavour).toBe('cu130');
    expect(readFileSync(join(dir, 'lib/libnccl.so.2'), 'utf8')).toHaveLength(2_000_000);
  });

  it('is taken of another Python where this one has none', async () => {
    const only312 =
      'case "$*" in *"--python-version 3.12"*) ;; *) fail "No matching distribution found" ;; esac';
    const { calls } = offer({ 'torch==2.12.0+cpu': CPU }, only312);
    expect(await ensureLibtorch(options)).toMatchObject({ flavour: 'cpu' });
    expect(calls().at(-1)).toMatch(/^download .*--python-version 3\.12 .*torch==2\.12\.0\+cpu$/);
  });

  it('is told with pip’s own error where there is none, also by the dry run', async () => {
    offer({});
    const message = 'pip has no such wheel: No matching distribution found for torch==2.12.0';
    await expect(ensureLibtorch(options)).rejects.toMatchObject({ code: 'ERR_SVGT2I_INSTALL', message });
    await expect(planInstall(options)).rejects.toMatchObject({ code: 'ERR_SVGT2I_INSTALL', message });
  });

  it.each(['{"install":[{"download_info":{}}]}', '{"install":', ''])(
    'is not taken from a report that pip does not write: %s',
    async (text) => {
      const other = `for arg; do case "$previous" in --report) printf '%s' '${text}' > "$arg"; exit 0 ;; esac; previous=$arg; done`;
      offer({ 'torch==2.12.0+cpu': CPU }, other);
      const refusal = {
        code: 'ERR_SVGT2I_INSTALL',
        message: expect.stringContaining('the report of pip is not to be understood'),
        hint: expect.stringContaining('--file'),
      };
      await expect(ensureLibtorch(options)).rejects.toMatchObject(refusal);
      await expect(planInstall(options)).rejects.toMatchObject(refusal);
    },
  );

  it('is not taken from a pip that writes no report', async () => {
    offer({ 'torch==2.12.0+cpu': CPU }, '[ "$1" = install ] && exit 0');
    await expect(ensureLibtorch(options)).rejects.toMatchObject({ code: 'ERR_SVGT2I_INSTALL' });
  });

  it('is a version that the sources compile on, for the dry run, too', async () => {
    await expect(planInstall({ ...options, torch: '9.9.9' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_TORCH_VERSION',
    });
  });

  it('needs room for what is really fetched', async () => {
    const { calls } = offer({ 'torch==2.12.0,!=2.12.0+cpu': CUDA, ...LIBRARIES });
    const freeBytes = async () => 5_000_000;
    await expect(ensureLibtorch({ ...options, cuda: 'cu130', freeBytes })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DISK_FULL',
      hint: expect.stringContaining('SVG_T2I_HOME'),
    });
    expect(calls().filter((call) => call.startsWith('download'))).toEqual([]);
  });

  it('is a full disk, where pip finds that', async () => {
    const full =
      '[ "$1" = download ] && fail "Could not install due to an OSError: [Errno 28] No space left on device"';
    offer({ 'torch==2.12.0+cpu': CPU }, full);
    await expect(ensureLibtorch(options)).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISK_FULL' });
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe('a signal ends', () => {
  let stop: AbortController;
  let server: Server | undefined;
  beforeEach(() => {
    stop = new AbortController();
  });
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  const enough = new Error('enough');
  const isGone = (pid: number) => spawnSync('kill', ['-0', String(pid)]).status !== 0;

  it.each(['install', 'download'])('pip in %s, with all that it started', async (stage) => {
    const pids = join(home, 'pids');
    const hang = `[ "$1" = ${stage} ] && { trap '' TERM; sleep 600 & echo "$$ $!" > ${pids}; wait; sleep 600; }`;
    offer({ 'torch==2.12.0+cpu': CPU }, hang);
    const installing = ensureLibtorch({ ...options, signal: stop.signal });
    installing.catch(() => undefined);
    await vi.waitUntil(() => existsSync(pids) && readFileSync(pids, 'utf8').endsWith('\n'), {
      timeout: 30_000,
    });
    stop.abort(enough);
    await expect(installing).rejects.toBe(enough);
    const [python = 0, child = 0] = readFileSync(pids, 'utf8').split(' ').map(Number);
    await vi.waitUntil(() => isGone(python) && isGone(child), { timeout: 30_000 });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('a download, which the next call goes on with', async () => {
    const whole = libtorchZip('2.12.0');
    server = createServer((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': whole.length - from });
      response.write(whole.subarray(from, from === 0 ? 100 : undefined));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/libtorch.zip`;
    const installing = ensureLibtorch({ ...options, url, signal: stop.signal });
    installing.catch(() => undefined);
    const part = join(cache, '.downloads/libtorch.zip.part');
    await vi.waitUntil(() => existsSync(part) && statSync(part).size === 100, { timeout: 30_000 });
    stop.abort(enough);
    await expect(installing).rejects.toBe(enough);
    expect(readdirSync(cache)).toEqual(['.downloads']);
    expect(await ensureLibtorch({ ...options, url })).toMatchObject({ version: '2.12.0' });
  });

  it.each([
    ['unpacking', 'unpacking'],
    ['the waiting for another installation', 'waiting'],
  ])('%s', async (_, word) => {
    const file = join(home, 'libtorch.zip');
    writeFileSync(file, libtorchZip('2.12.0'));
    mkdirSync(cache);
    if (word === 'waiting') writeFileSync(join(cache, '.lock'), '{"pid":12,"host":"node-17","started":"1"}');
    const onProgress: InstallOptions['onProgress'] = (event) =>
      event.kind === 'note' && event.message.startsWith(word) && stop.abort(enough);
    await expect(ensureLibtorch({ ...options, file, signal: stop.signal, onProgress })).rejects.toBe(enough);
    expect(readdirSync(cache)).toEqual(word === 'waiting' ? ['.lock'] : []);
  });
});

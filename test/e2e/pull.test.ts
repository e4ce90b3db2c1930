/** `svg-t2i pull` as a user runs it, against a hub of this machine. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, request as forward, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readImage } from '../../lib/image/decode.js';
import { GEMMA, SVG_T2I, temporaryFolder, userOf } from '../unit/hub/fixtures.js';
import { COMMIT, type LoopbackHub, rangeOf, startHub } from '../unit/hub/loopback.js';
import { jsonLines, run } from './cli.js';

const MIB = 1 << 20;
const SIZE = 40 * MIB;
/** No piece of it is like another. */
const CONTENT = Buffer.alloc(SIZE, 'weights of a model, ');
for (let at = 0; at < SIZE; at += 1024) CONTENT.writeUInt32LE(at, at);
const BIG = { id: 'acme/big', lfs: /bin$/, files: { 'config.json': '{}\n', 'model.bin': CONTENT } };

let hub: LoopbackHub;
let home: string;
let env: Record<string, string>;
beforeEach(async () => {
  hub = await startHub([BIG, SVG_T2I, GEMMA]);
  home = temporaryFolder();
  env = { ...userOf(hub, home), SVG_T2I_HOME: join(home, 'svg'), HTTP_PROXY: '', http_proxy: '' };
});

const proxies: Server[] = [];
afterEach(() => {
  for (const server of proxies.splice(0)) server.close();
});

const cache = (...path: string[]) => join(home, 'hf/hub', ...path);
const model = () => cache('models--acme--big/snapshots', COMMIT, 'model.bin');
const pull = (args: readonly string[], options: Parameters<typeof run>[1] = {}) =>
  run(['pull', ...args], { cwd: home, ...options, env: { ...env, ...options.env } });

/** What has been written down of a file that is on its way. */
function notedBytes(): number {
  const folder = cache('models--acme--big/blobs');
  const journal = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.journal'));
  if (!journal) return 0;
  const lines = readFileSync(join(folder, journal), 'utf8').split('\n').slice(1);
  return lines.reduce((sum, line) => {
    const [start, end] = line.split(' ').map(Number);
    return sum + (end === undefined || start === undefined ? 0 : end - start);
  }, 0);
}

/** Whether the first bytes are in the file, noted or not. */
function hasArrived(bytes: number): boolean {
  const folder = cache('models--acme--big/blobs');
  const name = existsSync(folder)
    ? readdirSync(folder).find((one) => one.endsWith('.incomplete'))
    : undefined;
  return (
    name !== undefined &&
    readFileSync(join(folder, name)).subarray(0, bytes).equals(CONTENT.subarray(0, bytes))
  );
}

/** Sends the first bytes of what is asked for, and then nothing any more. */
function stallAfter(bytes: number): void {
  hub.fault = (request, response, { host }) => {
    if (host !== 'storage') return false;
    const [start, end] = rangeOf(request, SIZE);
    const range = `bytes ${start}-${end}/${SIZE}`;
    response.writeHead(206, { 'content-length': end + 1 - start, 'content-range': range });
    response.write(CONTENT.subarray(start, start + bytes));
    return true;
  };
}

const askedBytes = () =>
  hub.asked.reduce((sum, { host, range }) => {
    const [, start, end] = /bytes=(\d+)-(\d+)/.exec(range ?? '') ?? [];
    return host === 'storage' ? sum + (start === undefined ? SIZE : Number(end) + 1 - Number(start)) : sum;
  }, 0);

describe('before anything is fetched', () => {
  it('--list tells files and sizes, --dry-run the plan and the free disk', async () => {
    const list = await pull(['--list']);
    expect(list.code).toBe(0);
    const lines = list.stdout.toString().split('\n');
    expect(lines[0]).toMatch(/^size +state +repository +file$/);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^2\.10 kB +to fetch +KlingTeam\/SVG-T2I +pre-trained\/dit-stage4-T274M\/consolidated\.00-of-01\.pth$/,
      ),
    );
    expect(list.stdout.toString()).toMatch(/\n[\d.]+ kB in all, [\d.]+ kB to fetch\n$/);
    const plan = await pull(['--dry-run']);
    expect(plan.stdout.toString()).toMatch(
      /^KlingTeam\/SVG-T2I@main \(fe05bcdc\)\n {2}files: 4, .*\ngoogle\/gemma-2-2b@main .*to fetch: [\d.]+ kB\nfree on that disk: [\d.]+ \w+\nthen: --pretrained svg-t2i\n$/s,
    );
    expect(existsSync(join(home, 'hf'))).toBe(false);
    expect(hub.fetched()).toEqual([]);
    const [json] = jsonLines(await pull(['--dry-run', '--json']));
    expect(json).toMatchObject({
      type: 'plan',
      totalBytes: expect.any(Number),
      freeBytes: expect.any(Number),
    });
  });

  it.each([
    [['--connections', '0'], 2, '--connections: must be at least 1, got 0'],
    [['--retries', 'many'], 2, '--retries: must be a number, got "many"'],
    [['svg-t2j'], 2, '"svg-t2j" is no name of weights, did you mean "svg-t2i"?'],
    [['acme/none'], 4, 'there is no repository acme/none'],
    [['gemma-2-2b@v7'], 4, 'google/gemma-2-2b has no revision v7'],
  ])('refuses %j', async (args, code, message) => {
    const finished = await pull(args);
    expect([finished.code, finished.stderr]).toEqual([code, expect.stringContaining(message)]);
    expect(finished.stdout.toString()).toBe('');
    const told = jsonLines(await pull([...args, '--json']));
    expect(told).toMatchObject([{ type: 'error', code: expect.stringMatching(/^ERR_SVGT2I_/) }]);
  });
});

describe('a pull', () => {
  it('prints the folder, and of the second one that all is there', async () => {
    const first = await pull(['acme/big']);
    expect([first.code, first.stdout.toString()]).toEqual([0, `${join(model(), '..')}\n`]);
    expect(first.stderr).toMatch(
      /^fetching 41\.9 MB of acme\/big\n[\s\S]*2 files, 41\.9 MB, of which 41\.9 MB were fetched\n$/,
    );
    expect(readFileSync(model()).equals(CONTENT)).toBe(true);
    const second = await pull(['acme/big']);
    expect([second.code, second.stderr]).toEqual([0, '2 files, 41.9 MB: all of it was there\n']);
  });

  it('with --json tells each thing on a line', async () => {
    const lines = jsonLines(await pull(['acme/big', '--json']));
    expect(lines[0]).toMatchObject({ type: 'plan', name: 'acme/big', fetchBytes: SIZE + 3 });
    expect(new Set(lines.map(({ type }) => type))).toEqual(
      new Set(['plan', 'progress', 'check', 'file', 'done']),
    );
    const progress = lines.filter(({ type }) => type === 'progress');
    expect(progress.length).toBeLessThan(1100);
    expect(progress.at(-1)).toMatchObject({
      doneBytes: SIZE + 3,
      totalBytes: SIZE + 3,
      bytesPerSecond: expect.any(Number),
    });
    expect(lines.at(-1)).toMatchObject({ type: 'done', fetchedBytes: SIZE + 3, folder: join(model(), '..') });
  });

  it('that is killed loses what was in flight, and nothing more', async () => {
    stallAfter(6 * MIB);
    const killed = pull(['acme/big', '--connections', '2'], {
      started: (child) => {
        void vi
          .waitFor(() => expect(notedBytes()).toBeGreaterThan(11 * MIB), { timeout: 60_000 })
          .then(() => child.kill('SIGKILL'));
      },
    });
    expect((await killed).code).toBe(137);
    const kept = notedBytes();
    expect(existsSync(model())).toBe(false);
    hub.fault = undefined;
    const before = askedBytes();
    const { code, stderr } = await pull(['acme/big', '--connections', '2']);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('waiting')]);
    expect(askedBytes() - before).toBe(SIZE - kept);
    expect(readFileSync(model()).equals(CONTENT)).toBe(true);
    expect(readdirSync(cache('models--acme--big/blobs'))).toHaveLength(2);
  });

  it('ends on Ctrl-C with 130, and keeps what came', async () => {
    stallAfter(3 * MIB);
    const stopped = await pull(['acme/big', '--connections', '1'], {
      started: (child) => {
        void vi
          .waitFor(() => expect(hasArrived(3 * MIB)).toBe(true), { timeout: 60_000 })
          .then(() => child.kill('SIGINT'));
      },
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain('interrupted');
    expect(notedBytes()).toBe(3 * MIB);
    expect(existsSync(cache('.locks/models--acme--big/svg-t2i.lock'))).toBe(false);
  });

  it('on a disk that is full in the middle says so, and goes on when there is room', async () => {
    // 20 MiB a file.
    const full = await pull(['acme/big', '--connections', '1'], { fileBlocks: 40_960 });
    expect(full.code).not.toBe(0);
    expect(full.stderr).toMatch(/cannot write .*incomplete/);
    expect(existsSync(model())).toBe(false);
    const before = askedBytes();
    expect((await pull(['acme/big'])).code).toBe(0);
    expect(askedBytes() - before).toBeLessThanOrEqual(SIZE - 19 * MIB);
    expect(readFileSync(model()).equals(CONTENT)).toBe(true);
  });

  it('waits for another one of the same, and then finds all of it there', async () => {
    let begun = () => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let go: (() => void) | undefined;
    hub.fault = (_, response, { host, path }) => {
      if (host !== 'hub' || !path.endsWith('/model.bin') || go !== undefined) return false;
      go = () => {
        if (!response.headersSent) response.writeHead(503, { 'retry-after': '0' }).end();
      };
      begun();
      return true;
    };
    const first = pull(['acme/big', '--connections', '1']);
    await isBegun;
    const second = await pull(['acme/big', '--json'], {
      watch: (_, stdout) => {
        if (stdout.includes('"wait"')) go?.();
      },
    });
    expect([(await first).code, second.code]).toEqual([0, 0]);
    const lines = jsonLines(second);
    expect(lines).toContainEqual({
      type: 'wait',
      message: expect.stringMatching(/^waiting for process \d+ on /),
    });
    expect(lines.at(-1)).toMatchObject({ type: 'done', fetchedBytes: 0 });
    expect(askedBytes()).toBe(SIZE);
  });

  it('goes through HTTP_PROXY, but for the hosts of NO_PROXY', async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(request.url ?? '');
      const onward = forward(
        request.url ?? '',
        { method: request.method, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      request.pipe(onward);
    });
    proxies.push(proxy);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { code } = await pull(['acme/big'], {
      env: { HTTP_PROXY, http_proxy: HTTP_PROXY, NO_PROXY: '', no_proxy: '' },
    });
    expect(code).toBe(0);
    expect(seen.filter((url) => url.startsWith(hub.endpoint)).length).toBeGreaterThan(2);
    expect(seen.filter((url) => url.startsWith(hub.storage)).length).toBeGreaterThan(0);
    const before = seen.length;
    const direct = { HTTP_PROXY, http_proxy: HTTP_PROXY, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };
    expect((await pull(['gemma-2-2b'], { env: direct })).code).toBe(0);
    expect(seen.length).toBe(before);
  });
});

describe('a name in place of a folder', () => {
  const folder = fileURLToPath(new URL('../../models/shapes', import.meta.url));
  const draw = ['sample', 'two red circles', '--steps', '2', '--seed', '1'];

  it('is told with its command while it was not fetched, and nothing is asked for', async () => {
    const { code, stderr } = await run([...draw, '--pretrained', 'acme/shapes'], { cwd: home, env });
    expect([code, stderr]).toEqual([4, expect.stringContaining('`svg-t2i pull acme/shapes` fetches it')]);
    const doctor = await run(['doctor', '--pretrained', 'acme/shapes'], { cwd: home, env });
    expect(doctor.stdout.toString()).toContain('svg-t2i pull acme/shapes');
    expect(hub.asked).toEqual([]);
  });

  it('draws what its folder draws, once it was fetched, and asks nobody', async () => {
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(join(folder, path)).isFile(),
    );
    const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path))]));
    hub.repos.push({ id: 'acme/shapes', lfs: /\.safetensors$/, files });
    expect((await pull(['acme/shapes'])).code).toBe(0);
    const before = hub.asked.length;
    const byName = await run([...draw, '--pretrained', 'acme/shapes', '-o', 'name.png'], { cwd: home, env });
    expect([byName.code, byName.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    await run([...draw, '--pretrained', folder, '-o', 'folder.png'], { cwd: home, env });
    const pixels = async (name: string) => (await readImage(join(home, name))).data;
    expect(await pixels('name.png')).toEqual(await pixels('folder.png'));
    const inspected = await run(['inspect', 'acme/shapes', '--json'], { cwd: home, env });
    expect(inspected.stderr).not.toContain('is not in the hub');
    expect(hub.asked.length).toBe(before);
  });
});

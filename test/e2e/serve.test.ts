// `svg-t2i serve` as a user starts it, with the embedded model: draw, listen, come back, cancel, 429, drain, kill.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeImage } from '../../dist/image/decode.js';
import { readParameters } from '../../dist/image/parameters.js';
import { convertWeights, EMBEDDED_MODEL, SvgT2I } from '../../dist/index.js';
import { MAIN, run } from './cli.js';

interface Served {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly lines: readonly string[];
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
}

const served: Served[] = [];
afterEach(() => {
  for (const { child } of served.splice(0)) child.kill('SIGKILL');
});

const KEY = 'a-key-of-the-environment';

/** Starts it on a free port with a key, and waits until the model is loaded. */
async function start(flags: readonly string[] = []): Promise<Served> {
  const args = ['serve', '--port', '0', '--log', 'json', '--threads', '1', ...flags];
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, SVG_T2I_API_KEY: KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      const found = /listening at (http:[^"]+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(lines.join('\n'))));
  });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${KEY}`, ...init.headers } });
  const server = { url, child, ended, lines, ask };
  served.push(server);
  await vi.waitFor(async () => expect((await ask('/ready')).status).toBe(200), { timeout: 120_000 });
  return server;
}

async function draw({ ask }: Served, body: object) {
  const answer = await ask('/v1/jobs', { method: 'POST', body: JSON.stringify(body) });
  const job = (await answer.json()) as { readonly id: string; readonly status: string };
  return { answer, id: job.id, status: job.status, events: `/v1/jobs/${job.id}/events` };
}

const LONG = { prompt: 'a red circle', num_inference_steps: 200, n: 10, solver: 'euler' };

describe('serve', () => {
  let server: Served;
  let shared: Served;
  beforeAll(async () => {
    shared = await start(['--max-batch', '1', '--max-queue', '1']);
    served.splice(0);
    return () => shared.child.kill('SIGKILL');
  });

  it('draws a picture that carries its parameters, and tells its steps', async () => {
    server = shared;
    const body = { prompt: 'a red circle', seed: 7, num_inference_steps: 6, partial_images: 2 };
    const { answer, id, events } = await draw(server, body);
    expect(answer.status).toBe(202);
    const text = await (await server.ask(events)).text();
    const names = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    expect(new Set(names)).toEqual(new Set(['encode', 'step', 'preview', 'image', 'done']));
    const picture = await server.ask(`/v1/jobs/${id}/images/0`);
    const parameters = await readParameters(new Uint8Array(await picture.arrayBuffer()));
    expect(parameters).toMatchObject({ prompt: 'a red circle', seed: 7, steps: 6, width: 64 });
  });

  it('tells a reader that comes back what it has missed', async () => {
    const { events } = await draw(shared, { prompt: 'a blue square', num_inference_steps: 20 });
    const left = new AbortController();
    const stream = await shared.ask(events, { signal: left.signal });
    const reader = stream.body?.getReader();
    let seen = '';
    while (!seen.includes('id: ')) seen += Buffer.from((await reader?.read())?.value ?? []).toString();
    left.abort();
    const last = Number(/^id: (\d+)$/m.exec(seen)?.[1]);
    const rest = await (await shared.ask(events, { headers: { 'last-event-id': `${last}` } })).text();
    const ids = [...rest.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids[0]).toBeGreaterThan(last);
    expect(rest).toContain('event: done');
    expect((await shared.ask(events, { headers: { 'last-event-id': `${ids.at(-1)}` } })).status).toBe(204);
  });

  it('refuses what may not wait, and draws again when jobs are cancelled', async () => {
    const jobs = [await draw(shared, LONG), await draw(shared, LONG)];
    expect(jobs.map(({ status }) => status)).toEqual(['running', 'queued']);
    const { answer } = await draw(shared, LONG);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    for (const { id } of jobs) await shared.ask(`/v1/jobs/${id}`, { method: 'DELETE' });
    const next = await draw(shared, { prompt: 'a red circle', num_inference_steps: 2 });
    expect(await (await shared.ask(next.events)).text()).toContain('event: done');
  });

  it('drains at SIGTERM: what runs is finished, what waits fails with 503, and the exit code is 0', async () => {
    server = await start(['--max-batch', '1', '--drain-seconds', '60']);
    const first = await draw(server, { prompt: 'a red circle', num_inference_steps: 100, solver: 'euler' });
    const second = await draw(server, { prompt: 'a red circle', num_inference_steps: 100 });
    const streams = await Promise.all([server.ask(first.events), server.ask(second.events)]);
    server.child.kill('SIGTERM');
    const [done = '', failed = ''] = await Promise.all(streams.map((stream) => stream.text()));
    expect(done).toContain('event: done');
    expect(failed).toContain('"code":"shutting_down"');
    expect(await server.ended).toBe(0);
    expect(server.lines.join('\n')).not.toContain('a red circle');
  });

  it('ends at once at a second signal', async () => {
    server = await start();
    await draw(server, LONG);
    server.child.kill('SIGTERM');
    await expect.poll(() => server.lines.join('\n')).toContain('draining');
    await new Promise((resolve) => setTimeout(resolve, 300));
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(143);
  });

  it('asks for the key of the environment', async () => {
    const headers = { authorization: `Bearer ${KEY}x` };
    expect((await shared.ask('/v1/capabilities', { headers })).status).toBe(401);
    expect((await shared.ask('/v1/capabilities')).status).toBe(200);
  });
});

describe('models of several precisions', () => {
  const asked = { prompt: 'a red circle', seed: 7, solver: 'euler' } as const;
  const folder = mkdtempSync(join(tmpdir(), 'svg-serve-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function pictureOf(server: Served, model: string) {
    const { answer, id, events } = await draw(server, { ...asked, num_inference_steps: 3, model });
    expect(answer.status).toBe(202);
    expect(await (await server.ask(events)).text()).toContain('event: done');
    const file = new Uint8Array(await (await server.ask(`/v1/jobs/${id}/images/0`)).arrayBuffer());
    return { parameters: await readParameters(file), data: Buffer.from((await decodeImage(file)).data) };
  }

  it('are served side by side, each drawing what a pipeline of its precision draws', async () => {
    const dit = join(folder, 'dit-int8');
    await convertWeights(join(EMBEDDED_MODEL, 'dit-shapes'), dit, { quantize: 'int8' });
    const of = { pretrained: EMBEDDED_MODEL, device: 'cpu' } as const;
    const models = {
      plain: { ...of, dtype: 'fp32' },
      rounded: { ...of, dtype: 'int8' },
      stored: { ...of, dtype: 'int8', dit },
    } as const;
    const config = join(folder, 'serve.json');
    const list = Object.entries(models).map(([name, model]) => ({ name, ...model }));
    writeFileSync(config, JSON.stringify({ models: list }));
    const server = await start(['--config', config]);
    for (const [name, { dtype }] of Object.entries(models)) {
      expect(server.lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ model: name, device: 'cpu', dtype }),
      );
    }
    const drawn = new Map<string, Buffer>();
    for (const [name, model] of Object.entries(models)) {
      const { parameters, data } = await pictureOf(server, name);
      expect(parameters).toMatchObject({ seed: 7, dtype: model.dtype });
      await using pipeline = await SvgT2I.load({ ...model, threads: 1 });
      const { images } = await pipeline.generate({ ...asked, steps: 3 });
      expect(data.equals(Buffer.from(images[0]?.data ?? []))).toBe(true);
      drawn.set(name, data);
    }
    expect(drawn.get('stored')).toEqual(drawn.get('rounded'));
    expect(drawn.get('plain')?.equals(drawn.get('rounded') ?? Buffer.of())).toBe(false);
  }, 120_000);
});

describe('before anything is loaded', () => {
  it.each([
    [
      ['--port', 'x', '--set', 'maxqueue=3'],
      2,
      /--port: must be a number, got "x"; unknown key "maxqueue", did/,
    ],

    [['--host', '192.0.2.1', '--insecure'], 3, /192\.0\.2\.1 is no address of this machine/],
  ])('%j is refused', async (flags, code, message) => {
    const { code: exit, stderr } = await run(['serve', ...flags]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('loading');
    expect(exit).toBe(code);
  });

  it('a model that is not there ends it with the exit code of weights', async () => {
    const { code, stderr } = await run(['serve', '--port', '0', '--model', 'gone=/nowhere/at/all']);
    expect(code).toBe(4);
    expect(stderr).toContain('gone cannot be loaded');
  });

  it('prints its configuration, but no key', async () => {
    const flags = [
      '--print-config',
      '--api-key',
      'a-key-of-some-length',
      '--model',
      'a=x',
      '--max-queue',
      '3',
    ];
    const { stdout } = await run(['serve', ...flags]);
    expect(stdout.toString()).toContain('maxQueue: 3');
    expect(stdout.toString()).not.toContain('a-key-of-some-length');
  });
});

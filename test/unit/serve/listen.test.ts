// Sockets: places that cannot be listened at, callers that send or take nothing, foreign names, what is no HTTP.
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { ServeSettings } from '../../../lib/config/serve-settings.js';
import { urlOf } from '../../../lib/serve/listen.js';
import { createLog } from '../../../lib/serve/log.js';
import { startServer } from '../../../lib/serve/server.js';
import { FakeDrawer, serveFake, settingsOf } from './fake-drawer.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function start(settings: ServeSettings = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('json', { write: (line) => lines.push(JSON.parse(line)) });
  const server = await serveFake(settings, new FakeDrawer(), log);
  open.push(() => server.close(0));
  /** A caller that writes bytes itself, and what came back until the end. */
  const speak = (text: string) => {
    const socket = connect(server.port, '127.0.0.1');
    open.push(() => socket.destroy());
    socket.write(text);
    const answer = new Promise<string>((resolve) => {
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk.toString();
      });
      socket.on('error', () => resolve(got));
      socket.on('close', () => resolve(got));
    });
    return { socket, answer };
  };
  return { ...server, speak, lines };
}

const ended = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
const request = (path: string, headers: readonly string[] = [], method = 'GET') =>
  [`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n');

describe('listening', () => {
  it('says before anything is loaded that a port is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    open.push(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    let loaded = false;
    const load = async () => {
      loaded = true;
      return new FakeDrawer();
    };
    const error = await startServer(settingsOf({ port }), { load }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_LISTEN',
      message: `127.0.0.1:${port} is in use already`,
    });
    expect(loaded).toBe(false);
  });

  it('says that a host is not of this machine', async () => {
    const settings = settingsOf({ host: '192.0.2.1', insecure: true });
    await expect(startServer(settings)).rejects.toMatchObject({
      ...{ code: 'ERR_SVGT2I_LISTEN', message: '192.0.2.1 is no address of this machine' },
    });
  });
});

/** Whether this user may listen there: root may, and so may all where the system says so. */
function mayListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => resolve(!('code' in error && error.code === 'EACCES')));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

describe('a privileged port', () => {
  it('is refused with the way around it', async (context) => {
    const port = 7;
    if (await mayListen(port)) {
      console.log(`skipped: this user may listen at port ${port}`);
      context.skip();
    }
    const error = await startServer(settingsOf({ port })).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_LISTEN',
      message: `this user may not listen at 127.0.0.1:${port}`,
      hint: expect.stringContaining('--port 7860'),
    });
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1', 80, 'http://127.0.0.1'],
    ['::1', 80, 'http://[::1]'],
    ['[::1]', 7860, 'http://[::1]:7860'],
    ['::', 7860, 'http://localhost:7860'],
    ['0.0.0.0', 80, 'http://localhost'],
  ])('of %s and port %i: %s', (host, port, url) => {
    expect(urlOf(host, port)).toBe(url);
  });

  it.each(['::1', '[::1]'])('of IPv6 are listened at and let in: %s', async (host) => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    if (!addresses.some(({ address }) => address === '::1')) {
      console.log('skipped: this machine has no ::1');
      return;
    }
    const { url, port } = await start({ host });
    expect(url).toBe(`http://[::1]:${port}`);
    expect((await fetch(`${url}/v1/capabilities`)).status).toBe(200);
    await expect(startServer(settingsOf({ host, port }))).rejects.toMatchObject({
      message: `[::1]:${port} is in use already`,
    });
  });
});

describe('callers', () => {
  it('by a foreign name are refused', async () => {
    const { speak } = await start();
    const answer = await speak(request('/v1/capabilities', ['Host: evil.example'])).answer;
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('"code":"host_not_allowed"');
  });

  it('that speak no HTTP get an answer', async () => {
    const { speak } = await start();
    expect(await speak('HELLO\r\n\r\n').answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
  });

  it.each(['a b', 'a@b', '::'])('that name no host get an answer, which is logged: %s', async (host) => {
    const { speak, lines } = await start();
    const answer = await speak(request('/health', [`Host: ${host}`])).answer;
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    const id = /^x-request-id: ([\w-]{36})\r$/im.exec(answer)?.[1];
    expect(id).toBeDefined();
    for (const header of [
      'x-content-type-options: nosniff',
      'x-frame-options: DENY',
      'cache-control: no-store',
    ])
      expect(answer.toLowerCase()).toContain(header.toLowerCase());
    await expect.poll(() => lines.filter((line) => line.id === id)).toHaveLength(1);
  });

  it('that send a body too slowly are told so', async () => {
    const { speak, lines } = await start({ stallSeconds: 0.3 });
    const { socket, answer } = speak(
      request('/v1/jobs', ['Host: localhost', 'Content-Length: 9999'], 'POST'),
    );
    const drip = setInterval(() => socket.write(' '), 50);
    open.push(() => clearInterval(drip));
    expect(await answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*x-frame-options: DENY[\s\S]*too long/);
    await expect.poll(() => lines.some(({ status }) => status === 408)).toBe(true);
  });

  it('that send garbage behind a running stream get no second answer inside of it', async () => {
    const { drawer, url, speak } = await start();
    drawer.hold();
    const taken = await fetch(`${url}/v1/jobs`, { method: 'POST', body: '{"prompt":"a"}' });
    const { links } = (await taken.json()) as { readonly links: { readonly events: string } };
    const { socket, answer } = speak(`GET ${links.events} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.write('GARBAGE\r\n\r\n');
    const text = await answer;
    drawer.release();
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(text).not.toContain('bad_request');
  });

  it('that send no end of their headers or body are dropped', async () => {
    const { speak } = await start({ stallSeconds: 0.2 });
    const headers = ['Host: localhost', 'Content-Length: 99'];
    for (const text of ['GET / HTTP/1.1\r\nHost: local', request('/v1/jobs', headers, 'POST')]) {
      await ended(speak(text).socket);
    }
  });

  it('of a stream that is silent while a picture is drawn stay', async () => {
    const { drawer, url } = await start({ stallSeconds: 0.3 });
    drawer.hold();
    const taken = await fetch(`${url}/v1/jobs`, { method: 'POST', body: '{"prompt":"a"}' });
    const { links } = (await taken.json()) as { readonly links: { readonly events: string } };
    const stream = await fetch(`${url}${links.events}`);
    setTimeout(() => drawer.release(), 1000);
    const text = await stream.text();
    expect(text.match(/^: ping$/gm)?.length).toBeGreaterThanOrEqual(3);
    expect(text).toContain('event: done');
  });
});

describe('readers that read nothing', () => {
  it('are dropped, and hold up neither the job nor memory', async () => {
    const { url, speak } = await start({ stallSeconds: 0.5, maxPictures: 60 });
    // Noise does not shrink: each picture is some 800 kB, more together than the sockets between hold.
    const answer = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'noise', n: 24, size: '512x512', num_inference_steps: 2 }),
    });
    const { links } = (await answer.json()) as {
      readonly links: { readonly self: string; readonly events: string };
    };
    const { socket } = speak(request(links.events, ['Host: localhost']));
    socket.pause();
    const status = async () =>
      ((await (await fetch(`${url}${links.self}`)).json()) as { status: string }).status;
    await expect.poll(status, { timeout: 60_000 }).toBe('done');
    const dropped = async () =>
      /svgt2i_dropped_total (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    await expect.poll(dropped, { timeout: 60_000 }).toBe('1');
  });
});

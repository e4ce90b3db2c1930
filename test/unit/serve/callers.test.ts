// Who asks and from where, over real sockets: proxies, pages of other sites, and what the log keeps of them.
import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { ServeSettings } from '../../../lib/config/serve-settings.js';
import { createLog } from '../../../lib/serve/log.js';
import { FakeDrawer, serveFake } from './fake-drawer.js';

const LISTED = 'https://pictures.example';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(settings: ServeSettings = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('json', { write: (line) => lines.push(JSON.parse(line)) });
  const server = await serveFake(settings, new FakeDrawer(), log);
  closing.push(() => server.close(0));
  const ask = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
  const lineOf = async (id: string) => {
    await expect.poll(() => lines.some((line) => line.id === id)).toBe(true);
    return lines.find((line) => line.id === id);
  };
  return { ...server, ask, lines, lineOf };
}

describe('a proxy in front', () => {
  it.each([
    [true, '203.0.113.9', '203.0.113.9'],
    [true, '198.51.100.1, 2001:db8::7', '2001:db8::7'],
    [true, '203.0.113.9, unknown', '127.0.0.1'],
    [false, '203.0.113.9', '127.0.0.1'],
  ])('trusted: %s, says %s: the caller is %s', async (trustProxy, said, client) => {
    const { ask, lineOf } = await start({ trustProxy });
    await ask('/health', { headers: { 'x-forwarded-for': said, 'x-request-id': 'a' } });
    expect(await lineOf('a')).toMatchObject({ client });
  });

  it('tells callers apart: nobody is listed the jobs of others', async () => {
    const { ask } = await start({ trustProxy: true });
    const by = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    await ask('/v1/jobs', { method: 'POST', body: '{"prompt":"a"}', ...by('203.0.113.9') });
    const jobsOf = async (address: string) =>
      ((await (await ask('/v1/jobs', by(address))).json()) as { readonly data: readonly unknown[] }).data;
    expect(await jobsOf('203.0.113.9')).toHaveLength(1);
    expect(await jobsOf('203.0.113.8')).toEqual([]);
  });
});

describe('prompts', () => {
  const body = JSON.stringify({ prompt: 'a secret' });
  it.each([
    [true, '/v1/jobs'],
    [true, '/v1/images/generations'],
    [true, '/sdapi/v1/txt2img'],
    [false, '/v1/jobs'],
    [false, '/v1/images/generations'],
    [false, '/sdapi/v1/txt2img'],
  ])('are logged: %s, by %s', async (logPrompts, path) => {
    const { ask, lines, lineOf } = await start({ logPrompts });
    const headers = { 'content-type': 'application/json', 'x-request-id': 'a' };
    const answer = await ask(path, { method: 'POST', body, headers });
    expect(answer.ok).toBe(true);
    await answer.arrayBuffer();
    const line = await lineOf('a');
    expect(JSON.stringify(line).includes('a secret')).toBe(logPrompts);
    expect(JSON.stringify(lines).includes('a secret')).toBe(logPrompts);
  });
});

const question = (origin: string) => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  },
});

describe('pages of other sites', () => {
  it.each([
    [{ cors: [LISTED] }, LISTED],
    [{ cors: ['*'], insecure: true }, 'https://any.example'],
  ])('that are listed by %j are answered', async (settings, origin) => {
    const { ask } = await start(settings);
    const asked = await ask('/v1/jobs', question(origin));
    expect(asked.status).toBe(204);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': expect.stringContaining('DELETE'),
      'access-control-allow-headers': 'authorization',
      vary: 'origin',
    });
    const answer = await ask('/v1/jobs', { method: 'POST', body: '{"prompt":"a"}', headers: { origin } });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('vary')).toBe('origin');
    expect(answer.headers.get('access-control-expose-headers')).toMatch(/x-request-id, retry-after/);
    // A page reads errors too.
    const wrong = await ask('/v1/jobs', { method: 'POST', body: '{', headers: { origin } });
    expect([wrong.status, wrong.headers.get('access-control-allow-origin')]).toEqual([400, origin]);
  });

  it('that are not listed are refused, also by the question beforehand', async () => {
    const { ask } = await start({ cors: [LISTED] });
    for (const origin of ['https://evil.example', `${LISTED}.evil.example`, 'http://pictures.example']) {
      const asked = await ask('/v1/jobs', question(origin));
      expect([asked.status, asked.headers.get('access-control-allow-origin')], origin).toEqual([403, null]);
    }
  });

  it.each([
    ['cross-site', 'no-cors', 403],
    ['same-site', 'cors', 403],
    ['same-origin', 'cors', 200],
    ['none', 'navigate', 200],
    ['cross-site', 'navigate', 200],
  ])('Sec-Fetch-Site %s, mode %s: %i', async (site, mode, status) => {
    const { port } = await start();
    expect(await statusOf(port, { 'sec-fetch-site': site, 'sec-fetch-mode': mode })).toBe(status);
  });
});

/** By Node's own client: fetch sets these headers itself. */
async function statusOf(
  port: number,
  headers: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/v1/capabilities', headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });
}

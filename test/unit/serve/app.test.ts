// Requests and answers over real sockets, of a server whose pipeline draws nothing.
import { afterEach, describe, expect, it } from 'vitest';
import type { ServeSettings } from '../../../lib/config/serve-settings.js';
import { createLog } from '../../../lib/serve/log.js';
import type { RunningServer } from '../../../lib/serve/server.js';
import { FakeDrawer, serveFake } from './fake-drawer.js';

const KEY = 'a-key-of-some-length';
const running: (RunningServer & { readonly drawer: FakeDrawer })[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.drawer.release();
    await server.close(0);
  }
});

async function start(settings: ServeSettings = {}) {
  const server = await serveFake(settings);
  running.push(server);
  const ask = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
  const draw = async (body: object) => {
    const answer = await ask('/v1/jobs', { method: 'POST', body: JSON.stringify({ prompt: 'a', ...body }) });
    return (await answer.json()) as { readonly id: string; readonly links: { readonly events: string } };
  };
  return { ...server, ask, draw };
}

/** The data of a stream's events, by their type. */
async function eventsOf(answer: Response) {
  const blocks = (await answer.text()).split('\n\n').filter((block) => block.startsWith('id:'));
  return blocks.map((block) => ({
    id: Number(/^id: (\d+)$/m.exec(block)?.[1]),
    name: /^event: (\w+)$/m.exec(block)?.[1],
    data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as Record<string, unknown>,
  }));
}

describe('a job', () => {
  it('is taken, told of, listened to, fetched', async () => {
    const { ask } = await start();
    const body = JSON.stringify({ prompt: 'a', seed: 3, output_format: 'webp' });
    const taken = await ask('/v1/jobs', { method: 'POST', body });
    expect([taken.status, taken.headers.get('content-type')]).toEqual([202, 'application/json']);
    const job = (await taken.json()) as { id: string; links: { self: string; events: string } };
    expect(job).toMatchObject({
      object: 'image.job',
      model: 'shapes',
      created: expect.any(Number),
      error: null,
    });
    expect(taken.headers.get('location')).toBe(job.links.self);
    const events = await eventsOf(await ask(job.links.events));
    expect(events.map(({ name, data }) => [name, data.type])).toEqual(events.map(({ name }) => [name, name]));
    expect(events.at(-2)).toMatchObject({
      name: 'image',
      data: { seed: 3, output_format: 'webp', index: 0 },
    });
    expect(events.at(-1)?.name).toBe('done');
    const told = (await (await ask(job.links.self)).json()) as { images: { url: string }[] };
    expect(told).toMatchObject({ status: 'done', step: 4, steps: 4, images: [{ width: 64, height: 64 }] });
    const picture = await ask(told.images[0]?.url ?? '');
    expect(picture.headers.get('content-type')).toBe('image/webp');
    const bytes = Buffer.from(await picture.arrayBuffer());
    expect(bytes.subarray(8, 12).toString()).toBe('WEBP');
    expect(bytes.toString('base64')).toBe(events.at(-2)?.data.b64_json);
  });

  it('goes on behind a reader that comes back, and tells it once that there is no more', async () => {
    const { ask, draw } = await start();
    const { links } = await draw({});
    const all = await eventsOf(await ask(links.events));
    const last = all.at(-1)?.id ?? 0;
    const again = await eventsOf(await ask(links.events, { headers: { 'last-event-id': `${last - 1}` } }));
    expect(again).toEqual(all.slice(-1));
    expect((await ask(`${links.events}?after=${last}`)).status).toBe(204);
    expect((await ask(`${links.events}?after=x`)).status).toBe(400);
  });

  it('outlives its readers, and is cancelled by DELETE', async () => {
    const { ask, draw, drawer } = await start();
    drawer.hold();
    const { id, links } = await draw({});
    const gone = new AbortController();
    const stream = await ask(links.events, { signal: gone.signal });
    expect(stream.status).toBe(200);
    gone.abort();
    expect(await (await ask(`/v1/jobs/${id}`)).json()).toMatchObject({ status: 'running' });
    const cancelled = await ask(`/v1/jobs/${id}`, { method: 'DELETE' });
    expect([cancelled.status, await cancelled.json()]).toMatchObject([200, { status: 'cancelled' }]);
    await expect.poll(() => drawer.running).toBe(0);
  });

  it('is listed to whoever asked for it', async () => {
    const { ask, draw } = await start();
    const { id } = await draw({});
    const list = await (await ask('/v1/jobs')).json();
    expect(list).toMatchObject({ object: 'list', data: [{ id }] });
    expect((await ask('/v1/jobs?status=lost')).status).toBe(400);
  });
});

describe('paths', () => {
  it.each(['/v1//jobs/', '/jobs', '//v1/jobs', '/jobs//'])('%s is /v1/jobs', async (path) => {
    const { ask } = await start();
    expect((await ask(path, { method: 'POST', body: '{"prompt":"a"}' })).status).toBe(202);
  });

  it('answers all else as JSON', async () => {
    const { ask } = await start();
    const answers = [
      [await ask('/nowhere'), 404, 'not_found'],
      [await ask('/v1/jobs', { method: 'PUT' }), 405, 'method_not_allowed'],
      [await ask('/v1/jobs/none'), 404, 'job_not_found'],
      [await ask('/v1/jobs', { method: 'POST', body: '{' }), 400, 'invalid_json'],
      [await ask('/v1/jobs', { method: 'POST', body: '{"prompt":"a","stepz":1}' }), 400, 'unknown_parameter'],
      [
        await ask('/v1/jobs', { method: 'POST', body: '{"prompt":"a","size":"65x64"}' }),
        400,
        'invalid_value',
      ],
    ] as const;
    for (const [answer, status, code] of answers) {
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      expect([answer.status, error.code]).toEqual([status, code]);
      expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
      expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(answers[1][0].headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    const options = await ask('/v1/jobs', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS']);
    const head = await ask('/health', { method: 'HEAD', headers: { 'x-request-id': 'mine' } });
    expect([head.status, await head.text(), head.headers.get('x-request-id')]).toEqual([200, '', 'mine']);
  });
});

describe('limits of bodies', () => {
  it('hold with and without a length', async () => {
    const { ask } = await start({ maxBodyBytes: 2048 });
    const large = JSON.stringify({ prompt: 'a'.repeat(4000) });
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(large));
        controller.close();
      },
    });
    const init = { method: 'POST', duplex: 'half' };
    for (const body of [large, chunked]) {
      const answer = await ask('/v1/jobs', { ...init, body } as RequestInit);
      expect([answer.status, await answer.json()]).toMatchObject([
        413,
        { error: { code: 'body_too_large' } },
      ]);
    }
  });
});

describe('who is let in', () => {
  it('with a key; the page, health and pictures without', async () => {
    const { ask } = await start({ apiKey: KEY });
    const bare = await ask('/v1/capabilities');
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const wrong = await ask('/metrics', { headers: { authorization: 'Bearer wrong' } });
    expect(await wrong.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
    const right = await ask('/v1/capabilities', { headers: { authorization: `Bearer ${KEY}` } });
    expect(await right.json()).toMatchObject({ auth: true });
    for (const path of ['/health', '/ready', '/v1/jobs/none/images/0']) {
      expect((await ask(path)).status, path).not.toBe(401);
    }
  });

  it('no page of another site, but those that are listed', async () => {
    const listed = 'https://pictures.example';
    const { ask, url } = await start({ cors: [listed] });
    const post = (headers: Record<string, string>) =>
      ask('/v1/jobs', { method: 'POST', body: '{"prompt":"a"}', headers });
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await post({ origin: 'null' })).status).toBe(403);
    expect((await post({ origin: url })).status).toBe(202);
    expect((await post({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    // A picture of a listed page: browsers say of it that it is foreign, and no more.
    const picture = await ask('/v1/jobs/none/images/0', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect([picture.status, picture.headers.get('cross-origin-resource-policy')]).toEqual([
      404,
      'cross-origin',
    ]);
    const shared = await post({ origin: listed });
    expect([shared.status, shared.headers.get('access-control-allow-origin')]).toEqual([202, listed]);
    const question = await ask('/v1/jobs', {
      method: 'OPTIONS',
      headers: {
        origin: listed,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-a',
      },
    });
    expect([question.status, question.headers.get('access-control-allow-headers')]).toEqual([204, 'x-a']);
  });
});

describe('the log', () => {
  it('has a line for every request, also of callers who left', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = createLog('json', { write: (line) => lines.push(JSON.parse(line)) });
    const server = await serveFake({}, new FakeDrawer(), log);
    running.push(server);
    server.drawer.hold();
    const left = new AbortController();
    const body = '{"prompt":"a secret"}';
    const headers = { 'x-request-id': 'gone' };
    const url = `${server.url}/v1/images/generations`;
    const asked = fetch(url, { method: 'POST', body, headers, signal: left.signal }).catch(() => 'left');
    await expect.poll(() => server.drawer.running).toBe(1);
    left.abort();
    expect(await asked).toBe('left');
    const own = () => lines.filter(({ id }) => id === 'gone');
    await expect.poll(own).toMatchObject([{ status: 499, ms: expect.any(Number) }]);
    expect(JSON.stringify(lines)).not.toContain('secret');
    await expect.poll(() => server.drawer.running).toBe(0);
  });
});

describe('what it tells of itself', () => {
  it('capabilities, with the names of bodies', async () => {
    const { ask } = await start();
    const told = (await (await ask('/v1/capabilities')).json()) as Record<string, unknown>;
    expect(told).toMatchObject({
      models: [
        {
          ...{ id: 'shapes', ready: true, condition: 'text', cell_pixels: 16, patch: 1, sizes: ['64x64'] },
          system_prompts: ['align', 'base', 'aesthetics', 'real', '4grid', 'empty'],
          defaults: { size: '64x64', num_inference_steps: 4, guidance_scale: 4, solver: 'dpm++' },
        },
      ],
      limits: { n: 10, steps: 200, queue: 100 },
      settings: { guidance_scale: { minimum: 0 }, method: { enum: ['multistep', 'singlestep'] } },
    });
    expect(told.solvers).toContainEqual({
      ...{ name: 'dpm++', title: 'DPM-Solver++', least_steps: 1 },
      fields: ['num_inference_steps', 'order', 'method', 'skip_type', 'shift'],
    });
  });

  it('metrics, by the size of pictures', async () => {
    const { ask, draw } = await start();
    const { links } = await draw({});
    await (await ask(links.events)).text();
    await ask('/v1/jobs', { method: 'POST', body: '{"prompt":"a","n":99}' });
    const text = await (await ask('/metrics')).text();
    for (const line of [
      'svgt2i_jobs_total{status="done"} 1',
      'svgt2i_refused_total{code="limit_exceeded"} 1',
      'svgt2i_picture_seconds_count{model="shapes",size="64"} 1',
      'svgt2i_step_seconds_count{model="shapes",size="64"} 3',
      'svgt2i_queued_jobs 0',
    ])
      expect(text).toContain(line);
    expect(text).toMatch(/svgt2i_resident_bytes \d{7}/);
  });
});

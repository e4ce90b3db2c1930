/** curl as people type it; docs/openai-api.md numbers what it depends on. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SvgT2IError } from '../../lib/errors.js';
import { formatOf } from './pictures.js';
import { type Served, served } from './served.js';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) console.log('not run: curl (it is not on PATH)');

describe.skipIf(!hasCurl)(hasCurl ? 'curl' : 'curl (not run: it is not on PATH)', () => {
  let server: Served;

  beforeAll(async () => {
    server = await served();
  });
  afterAll(async () => {
    await server.close();
  });

  /** What it prints, and status and type of the answer. */
  const curl = async (path: string, ...args: readonly string[]) => {
    const format = '\n%{http_code} %{size_upload} %{content_type}';
    const command = ['-sS', '-w', format, ...args, server.url + path];
    const { stdout } = await run('curl', command, { maxBuffer: 2 ** 24 });
    const at = stdout.lastIndexOf('\n');
    const [status, sent, ...type] = stdout.slice(at + 1).split(' ');
    return { body: stdout.slice(0, at), status: Number(status), sent: Number(sent), type: type.join(' ') };
  };
  const GENERATIONS = '/v1/images/generations';

  it('8: sends JSON as a form, and under any other type', async () => {
    const json = '{"prompt": "a red fox"}';
    for (const type of [[], ['-H', 'content-type:'], ['-H', 'content-type: text/plain']]) {
      const { status, body } = await curl(GENERATIONS, ...type, '-d', json);
      expect(status).toBe(200);
      expect(formatOf(JSON.parse(body).data[0].b64_json)).toBe('png');
    }
  });

  it('6: sends forms, whose numbers are texts', async () => {
    for (const form of [
      ['-d', 'prompt=a red fox&n=2&stream=false&seed=7'],
      ['-F', 'prompt=a red fox', '-F', 'n=2', '-F', 'stream=false', '-F', 'seed=7'],
    ]) {
      const { status, body } = await curl(GENERATIONS, ...form);
      expect(status).toBe(200);
      expect(JSON.parse(body).data.map(({ seed }: { seed: number }) => seed)).toEqual([7, 8]);
    }
  });

  it('7: is told that a body is too large, before it sends it or while it does', async () => {
    const large = `{"prompt": "${'x'.repeat(2 ** 21)}"}`;
    for (const how of [[], ['-H', 'transfer-encoding: chunked']]) {
      const child = run('curl', [
        '-sS',
        '-w',
        '\n%{http_code}',
        ...how,
        '-H',
        'content-type: application/json',
        '-d',
        '@-',
        server.url + GENERATIONS,
      ]);
      child.child.stdin?.on('error', () => undefined).end(large);
      const { stdout } = await child;
      const [body = '', status] = stdout.split('\n');
      expect(status).toBe('413');
      expect(JSON.parse(body).error.code).toBe('body_too_large');
    }
  });

  it('10: gets errors as JSON from every path', async () => {
    const wrong: readonly (readonly [number, string, ...string[]])[] = [
      [404, '/nothing'],
      [404, '/v1/jobs/job_none'],
      [405, GENERATIONS],
      [405, '/v1/models', '-X', 'DELETE'],
      [400, GENERATIONS, '-H', 'content-type: application/json', '-d', 'prompt'],
      [400, GENERATIONS, '-d', '{"prompt": '],
      [400, GENERATIONS, '-d', '[]'],
      [400, GENERATIONS, '-X', 'POST'],
      [400, GENERATIONS, '-d', '{"prompt": "a", "steps": "many"}'],
    ];
    for (const [expected, path, ...args] of wrong) {
      const { status, body, type } = await curl(path, ...args);
      expect([path, status]).toEqual([path, expected]);
      expect(type).toContain('application/json');
      const { error } = JSON.parse(body);
      expect(error).toEqual({
        message: expect.any(String),
        type: 'invalid_request_error',
        param: error.param,
        code: expect.any(String),
      });
    }
  });

  it('14, 16, 19: reads a stream line by line, which ends with an empty one', async () => {
    const { status, body, type } = await curl(
      GENERATIONS,
      '-N',
      '-d',
      '{"prompt": "a red fox", "stream": true, "partial_images": 1, "size": "512x512"}',
    );
    expect(status).toBe(200);
    expect(type).toContain('text/event-stream');
    expect(body.startsWith(': ')).toBe(true);
    expect(body.endsWith('\n\n')).toBe(true);
    const events = body.split('\n\n').filter((event) => event.includes('data: '));
    const parsed = events.map((event) => {
      const [, name, data = ''] = /^event: (\S+)\ndata: (.*)$/s.exec(event) ?? [];
      return { name, data: JSON.parse(data) as { readonly type: string } };
    });
    expect(parsed.map(({ name }) => name)).toEqual([
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    for (const { name, data } of parsed) expect(data.type).toBe(name);
    expect(body).toMatch(/^: step \d of 8/m);
  });

  it('17, 18: reads of a failure in mid-stream once, as an error object', async () => {
    server.model.failure = { step: 2, error: new SvgT2IError('ERR_SVGT2I_NUMERIC', 'it is not finite') };
    try {
      const { status, body } = await curl(GENERATIONS, '-N', '-d', '{"prompt": "a red fox", "stream": true}');
      expect(status).toBe(200);
      expect(body.match(/^event: .*\ndata: .*$/gm)).toEqual([
        expect.stringMatching(/^event: error\ndata: \{"type":"error","error":\{.*"code":"not_finite"\}\}$/),
      ]);
      expect(body.endsWith('\n\n')).toBe(true);
    } finally {
      server.model.failure = undefined;
    }
  });

  it('14: hears something all the time, also of a picture that stands still', async () => {
    // A third of the seconds after which a connection without traffic is dropped.
    const quick = await served({ stallSeconds: 0.6 });
    try {
      quick.model.hold();
      const child = run('curl', ['-sSN', '-d', '{"prompt": "a", "stream": true}', quick.url + GENERATIONS]);
      let text = '';
      child.child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      await quick.until(() => text.split(': ping\n\n').length > 5);
      quick.model.release();
      expect((await child).stdout).toContain('image_generation.completed');
    } finally {
      await quick.close();
    }
  });

  it('4: is told of fields that mean nothing here', async () => {
    const { body } = await curl(GENERATIONS, '-i', '-d', '{"prompt": "a", "hero": 1, "aspect_ratio": "1:1"}');
    expect(body).toMatch(/^x-svgt2i-ignored: hero, aspect_ratio\r$/m);
  });

  it('fetches a picture by the address that url gives', async () => {
    const { body } = await curl(
      GENERATIONS,
      '-d',
      '{"prompt": "a red fox", "response_format": "url", "output_format": "webp"}',
    );
    const { url } = JSON.parse(body).data[0];
    const { status, type } = await curl(new URL(url).pathname);
    expect(url.startsWith(`${server.url}/v1/jobs/`)).toBe(true);
    expect([status, type]).toEqual([200, 'image/webp']);
  });

  it('22: is refused with a foreign Host, and from the page of another origin', async () => {
    const host = await curl('/v1/models', '-H', 'host: attacker.test');
    expect(host.status).toBe(403);
    for (const from of ['origin: http://attacker.test', 'origin: null', 'sec-fetch-site: cross-site']) {
      const { status, body } = await curl(GENERATIONS, '-H', from, '-d', '{"prompt": "a"}');
      expect([from, status]).toEqual([from, 403]);
      expect(JSON.parse(body).error.code).toBe('origin_not_allowed');
    }
    // An EventSource of our own page sends no Origin.
    for (const from of [`origin: ${server.url}`, 'sec-fetch-site: same-origin', 'sec-fetch-site: none']) {
      expect([from, (await curl('/v1/models', '-H', from)).status]).toEqual([from, 200]);
    }
  });
});

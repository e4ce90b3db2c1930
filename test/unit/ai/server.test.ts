/** The AI SDK's provider over a server: a small one of the test's own stands for `svg-t2i serve`. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiCallError } from '../../../lib/ai/api-call-error.js';
import { serverEvents } from '../../../lib/ai/event-stream.js';
import { svgT2I } from '../../../lib/ai.js';
import { greyImage } from './fake-pipeline.js';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

type Answer = (seen: Seen, response: ServerResponse) => void | Promise<void>;

let server: Server;
let seen: Seen[];
let answers: Record<string, Answer>;
const baseURL = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const json = (response: ServerResponse, status: number, value: unknown, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));

beforeEach(async () => {
  seen = [];
  answers = {
    'POST /v1/jobs': (_, response) => {
      json(response, 202, { id: 'job_1', model: 'grey' }, { 'x-request-id': 'r1' });
    },
    'GET /v1/jobs/job_1/events': async (_, response) => await drawn(response, 2),
    'DELETE /v1/jobs/job_1': (_, response) => {
      json(response, 200, { id: 'job_1' });
    },
    'GET /v1/capabilities': (_, response) => {
      const models = [
        { id: 'grey', cell_pixels: 16, patch: 1, max_side: 8192, defaults: { size: '512x512' } },
      ];
      json(response, 200, { models, limits: { n: 4 } });
    },
  };
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { method, url, headers } = request;
    const one = { method, url, headers, body: text === '' ? undefined : JSON.parse(text) };
    seen.push(one);
    const answer = answers[`${method} ${url}`];
    if (answer === undefined) json(response, 404, { error: { message: 'no such place' } });
    else await answer(one, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function begin(response: ServerResponse): (id: number, data: object) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': here\n\n');
  return (id, data) => response.write(`id: ${id}\nevent: x\ndata: ${JSON.stringify(data)}\n\n`);
}

async function imageEvent(index: number) {
  const file = await greyImage(index, 5 + index).png();
  return { type: 'image', index, seed: 5 + index, b64_json: Buffer.from(file).toString('base64') };
}

async function drawn(response: ServerResponse, count: number): Promise<void> {
  const tell = begin(response);
  tell(1, { type: 'queued', place: 1 });
  tell(2, { type: 'step', step: 1, steps: 2, eta_seconds: 1 });
  tell(3, { type: 'warning', message: 'the prompt is cut' });
  // The last picture first: they come as they are done.
  for (let index = count - 1; index >= 0; index--) tell(10 - index, await imageEvent(index));
  tell(20, { type: 'done', seconds: {} });
  response.end();
}

const model = () =>
  svgT2I({ baseURL: `${baseURL()}/v1/`, apiKey: 'key', headers: { 'x-team': 'a' } }).image('grey');
const call = { prompt: 'a red fox', n: 2 } as const;

describe('a job', () => {
  it('sends what was asked in the words of the server, and gives the files in order', async () => {
    const result = await model().doGenerate({
      ...call,
      seed: 5,
      size: '512x256',
      headers: { 'user-agent': 'ai/6', 'x-none': undefined },
      providerOptions: { svgT2I: { guidanceScale: 3, systemPrompt: 'real', format: 'webp', quality: 80 } },
    });
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/jobs',
      'GET /v1/jobs/job_1/events',
    ]);
    expect(seen[0]?.body).toEqual({
      model: 'grey',
      prompt: 'a red fox',
      n: 2,
      seed: 5,
      size: '512x256',
      guidance_scale: 3,
      system_prompt: 'real',
      output_format: 'webp',
      output_compression: 80,
    });
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer key',
      'x-team': 'a',
      'user-agent': 'ai/6',
      'content-type': 'application/json',
    });
    expect(result.providerMetadata.svgT2I.images).toMatchObject([{ seed: 5 }, { seed: 6 }]);
    expect(result.warnings).toEqual([{ type: 'other', message: 'the prompt is cut' }]);
    expect(result.response).toMatchObject({ modelId: 'grey', headers: { 'x-request-id': 'r1' } });
  });

  it('goes on behind the last event where the connection breaks', async () => {
    let first = true;
    answers['GET /v1/jobs/job_1/events'] = async ({ headers }, response) => {
      if (!first) {
        expect(headers['last-event-id']).toBe('7');
        begin(response)(8, await imageEvent(1));
        response.end(`id: 9\ndata: ${JSON.stringify({ type: 'done', seconds: {} })}\n\n`);
        return;
      }
      first = false;
      begin(response)(7, await imageEvent(0));
      setTimeout(() => response.destroy(), 20);
    };
    expect((await new Proxy(model(), {}).doGenerate(call)).images).toHaveLength(2);
  });

  it('is cancelled where its caller has enough', async () => {
    const controller = new AbortController();
    const cancelled = new Promise<void>((resolve) => {
      answers['DELETE /v1/jobs/job_1'] = (_, response) => {
        resolve();
        json(response, 200, {});
      };
    });
    answers['GET /v1/jobs/job_1/events'] = (_, response) => {
      begin(response)(1, { type: 'step', step: 1, steps: 9 });
      controller.abort(new Error('enough'));
    };
    await expect(model().doGenerate({ ...call, abortSignal: controller.signal })).rejects.toThrow('enough');
    await cancelled;
  });

  it('fails for good where the job failed, with the words of the server', async () => {
    answers['GET /v1/jobs/job_1/events'] = (_, response) => {
      begin(response)(1, {
        type: 'failed',
        error: { message: 'too little memory', code: 'ERR_SVGT2I_OUT_OF_MEMORY' },
      });
      response.end();
    };
    const failure = await model()
      .doGenerate(call)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApiCallError);
    expect(failure).toMatchObject({
      message: 'too little memory',
      isRetryable: false,
      data: { error: { code: 'ERR_SVGT2I_OUT_OF_MEMORY' } },
    });
  });

  it.each([
    [429, true],
    [503, true],
    [400, false],
    [401, false],
  ])('tells of a status of %i as the AI SDK does', async (status, isRetryable) => {
    answers['POST /v1/jobs'] = (_, response) => {
      json(response, status, { error: { message: 'not now', code: 'x' } }, { 'retry-after': '3' });
    };
    const failure = await model()
      .doGenerate(call)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      name: 'AI_APICallError',
      message: 'not now',
      statusCode: status,
      isRetryable,
      responseHeaders: { 'retry-after': '3' },
    });
    expect(Symbol.for('vercel.ai.error.AI_APICallError') in (failure as object)).toBe(true);
  });

  it('may be tried again where no server answers', async () => {
    const nobody = svgT2I({
      baseURL: 'http://127.0.0.1:9',
      fetch: () => Promise.reject(new TypeError('fetch failed')),
    });
    await expect(nobody.image().doGenerate(call)).rejects.toMatchObject({
      isRetryable: true,
      statusCode: undefined,
    });
  });
});

it('leaves batches to the server, with a remark', async () => {
  const { warnings } = await model().doGenerate({
    ...call,
    providerOptions: { svgT2I: { batchSize: 4, steps: 3 } },
  });
  expect(seen[0]?.body).toEqual({ model: 'grey', prompt: 'a red fox', n: 2, steps: 3, output_format: 'png' });
  expect(warnings[0]).toMatchObject({ type: 'unsupported', feature: 'providerOptions.svgT2I.batchSize' });
});

describe('capabilities', () => {
  it('say how many pictures a call draws, and what an aspect ratio is; asked for once', async () => {
    const asked = model();
    expect(await (asked.maxImagesPerCall as () => Promise<number>)()).toBe(4);
    await asked.doGenerate({ ...call, aspectRatio: '2:1' });
    expect(seen.find(({ method }) => method === 'POST')?.body).toMatchObject({ size: '720x368' });
    expect(seen.filter(({ url }) => url === '/v1/capabilities')).toHaveLength(1);
  });

  it('of a model that is being loaded say no sizes: the published ones count', async () => {
    answers['GET /v1/capabilities'] = (_, response) => {
      json(response, 200, { models: [{ id: 'grey', ready: false }], limits: { n: 4 } });
    };
    await model().doGenerate({ ...call, aspectRatio: '1:1' });
    expect(seen.find(({ method }) => method === 'POST')?.body).toMatchObject({ size: '1024x1024' });
  });

  it('of another server are refused, and asked for again', async () => {
    answers['GET /v1/capabilities'] = (_, response) => {
      json(response, 200, { object: 'list' });
    };
    const asked = model();
    await expect((asked.maxImagesPerCall as () => Promise<number>)()).rejects.toThrow(
      /is no server of svg-t2i/,
    );
    await expect((asked.maxImagesPerCall as () => Promise<number>)()).rejects.toThrow(
      /is no server of svg-t2i/,
    );
    expect(seen).toHaveLength(2);
  });
});

describe('event streams', () => {
  const events = async (...pieces: string[]) => {
    const body = (async function* () {
      for (const piece of pieces) yield new TextEncoder().encode(piece);
    })();
    const found = [];
    for await (const event of serverEvents(body)) found.push(event);
    return found;
  };

  it('are cut anywhere, end lines in three ways, and hold comments and lines without a value', async () => {
    expect(
      await events(
        '\u{feff}: hi\r',
        '\nid: 4\r\nda',
        'ta: a\r\r\ndata:b\ndata\n\nevent: x\n\nda',
        'ta: c\n',
        '\n',
      ),
    ).toEqual([
      { id: '4', data: 'a' },
      { id: '4', data: 'b\n' },
      { id: '4', data: 'c' },
    ]);
  });

  it('leave out an event that is cut at the end', async () => {
    expect(await events('data: a\n\ndata: b\n')).toEqual([{ id: undefined, data: 'a' }]);
  });
});

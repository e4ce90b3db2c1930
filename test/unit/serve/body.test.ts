// The body of a request as bytes: up to a limit, and of callers that leave in the middle of it.
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { readBody } from '../../../lib/serve/body.js';
import type { ServeEnv } from '../../../lib/serve/context.js';
import { apiErrorOf } from '../../../lib/serve/errors.js';

async function read(body: string | ReadableStream, maxBytes: number) {
  const app = new Hono<ServeEnv>();
  app.post('/', async (c) => c.text(`${(await readBody(c, maxBytes)).byteLength} bytes`));
  app.onError((error, c) => c.json(apiErrorOf(error).code, 400));
  // Node.js wants it with a stream; the types of fetch do not know it.
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
  return await (await app.request('/', init)).text();
}

it('reads up to the limit', async () => {
  expect(await read('12345', 5)).toBe('5 bytes');
  expect(await read('123456', 5)).toBe('"body_too_large"');
});

it('takes one that breaks off for a fault of the caller, not of the server', async () => {
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"prompt":'));
      controller.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    },
  });
  expect(await read(broken, 100)).toBe('"caller_left"');
});

/** Requests that are wrong, each in its own way, and what the server must say to them. */
import { Readable } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import { raw } from './sockets.js';

export interface Target {
  readonly url: string;
  readonly port: number;
  readonly dispatcher: Dispatcher;
}

/** What came back, such as `400 invalid_json`. */
type Send = (target: Target) => Promise<string>;

export interface Malformed {
  readonly name: string;
  /** What it must say; an empty text where it hangs up. */
  readonly answer: RegExp;
  readonly send: Send;
}

const LARGE = 2 * 1024 ** 2;
const START = 'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
const circle = { prompt: 'a red circle' };

const json = (name: string, body: unknown, answer: RegExp) =>
  http(name, answer, { body: JSON.stringify(body) });

/** What a server without keys must refuse. */
export const MALFORMED: readonly Malformed[] = [
  http('no JSON', /^400 invalid_json$/, { body: '{"prompt":' }),
  http('empty body', /^400 invalid_json$/, { body: '' }),
  json('a list', [], /^400 invalid_json$/),
  json('no prompt', {}, /^400 invalid_value$/),
  json('a wrong type', { ...circle, seed: { of: 1 } }, /^400 invalid_value$/),
  json('an unknown key', { ...circle, promt: 1 }, /^400 unknown_parameter$/),
  json('a size that is none', { ...circle, size: '64by64' }, /^400 invalid_value$/),
  json('a size between cells', { ...circle, size: '63x65' }, /^400 invalid_value$/),
  json('a size beyond the limit', { ...circle, size: '4096x4096' }, /^400 limit_exceeded$/),
  json('too many pictures', { ...circle, n: 1000 }, /^400 limit_exceeded$/),
  json('too many steps', { ...circle, steps: 1000 }, /^400 limit_exceeded$/),
  json('too long a prompt', { prompt: 'a'.repeat(5000) }, /^400 limit_exceeded$/),
  json('an unknown solver', { ...circle, solver: 'eulre' }, /^400 invalid_value$/),
  http('a body beyond the limit', /^413 body_too_large$/, { body: `"${'a'.repeat(LARGE)}"` }),
  http('chunks beyond the limit', /^413 body_too_large$/, { body: 'chunks' }),
  http('another method', /^405 method_not_allowed$/, { method: 'PUT', body: '{}' }),
  http('an unknown path', /^404 not_found$/, { path: '/v1/pictures', body: '{}' }),
  http('an unknown job', /^404 job_not_found$/, { path: '/v1/jobs/job_0/events', method: 'GET' }),
  http('a foreign host', /^403 host_not_allowed$/, { headers: { host: 'evil.example' } }),
  http('a foreign origin', /^403 origin_not_allowed$/, { headers: { origin: 'https://evil.example' } }),
  bytes('no HTTP', 'this is no HTTP\r\n\r\n', /^HTTP\/1\.1 400/),
  bytes('headers beyond the limit', `${START}x: ${'a'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431/),
  bytes('two lengths', `${START}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, /^HTTP\/1\.1 400/),
  bytes('a wrong chunk', `${START}transfer-encoding: chunked\r\n\r\nzz\r\n{}`, /^HTTP\/1\.1 400/),
  // These three are dropped when they have stood still for --stall-seconds.
  bytes('chunks without an end', `${START}transfer-encoding: chunked\r\n\r\n2\r\n{"`, /^(|HTTP\/1\.1 4\d\d)/),
  bytes('half a body', `${START}content-length: 99\r\n\r\n{"prompt":`, /^(|HTTP\/1\.1 4\d\d)/),
  bytes('half the headers', START, /^(|HTTP\/1\.1 4\d\d)/),
  bytes('half a body, closed', `${START}content-length: 99\r\n\r\n{"prompt":`, /^(|HTTP\/1\.1 400)/, true),
];

/** What a server with keys must refuse beside them. */
export const KEYLESS: readonly Malformed[] = [
  http('no key', /^401 invalid_api_key$/, { body: JSON.stringify(circle) }),
  http('a wrong key', /^401 invalid_api_key$/, { headers: { authorization: `Bearer ${'x'.repeat(32)}` } }),
];

interface HttpOptions {
  readonly path?: string;
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** `chunks`: many of them, without a length. */
  readonly body?: string;
}

function http(
  name: string,
  answer: RegExp,
  { path = '/v1/jobs', method = 'POST', headers = {}, body }: HttpOptions,
): Malformed {
  const content = body ?? (method === 'GET' ? null : JSON.stringify(circle));
  const send: Send = async ({ url, dispatcher }) => {
    const answered = await request(`${url}${path}`, {
      ...{ method, dispatcher, headers: { ...headers } },
      body: content === 'chunks' ? Readable.from(chunks()) : content,
    });
    const { error } = (await answered.body.json()) as { readonly error: { readonly code: string } };
    return `${answered.statusCode} ${error.code}`;
  };
  return { name, answer, send };
}

async function* chunks(): AsyncGenerator<Buffer, void> {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  for (let sent = 0; sent < LARGE; sent += chunk.length) yield chunk;
}

function bytes(name: string, text: string, answer: RegExp, half = false): Malformed {
  return { name, answer, send: ({ port }) => raw({ port, text, half }) };
}

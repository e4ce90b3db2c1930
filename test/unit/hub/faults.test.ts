/** What goes wrong between here and a hub, and what is said of it. */
import dns from 'node:dns';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { hopelessError } from '../../../lib/fetch/http.js';
import { processTag } from '../../../lib/lock/process.mjs';
import { planPullWith } from '../../../lib/pull/pull.js';
import type { PullEvent } from '../../../lib/pull/types.js';
import {
  bytes,
  FAST,
  failure,
  GEMMA,
  pulled,
  read,
  SVG_T2I,
  TOKEN,
  temporaryFolder,
  userOf,
} from './fixtures.js';
import {
  type Fault,
  gitSha1,
  type LoopbackHub,
  rangeOf,
  refuse,
  sendRange,
  sha256,
  startHub,
} from './loopback.js';

const CONTENT = bytes(80_000);
const BIG = { id: 'acme/big', lfs: /bin$/, files: { 'README.md': '# big\n', 'model.bin': CONTENT } };
const PIECES = { pieceBytes: 10_000 };

let hub: LoopbackHub;
let env: Record<string, string>;
beforeEach(async () => {
  hub = await startHub([BIG, SVG_T2I, GEMMA, { id: 'acme/secret', private: true, files: { 'a.txt': 'a' } }]);
  env = userOf(hub, temporaryFolder());
});

/** Does so the first `times` that a file is asked for. */
function faulty(
  fault: Fault,
  times = Number.POSITIVE_INFINITY,
  host = 'storage',
): { readonly count: () => number } {
  let count = 0;
  hub.fault = (request, response, asked) => {
    if (asked.host !== host || count >= times) return false;
    if (host === 'hub' && !asked.path.includes('/resolve/')) return false;
    count += 1;
    return fault(request, response, asked);
  };
  return { count: () => count };
}

const big = (options: object = {}) => pulled(env, { name: 'acme/big', connections: 2, ...options }, PIECES);

async function arrives(options: object = {}) {
  const done = await big(options);
  const file = done.result.files.find(({ path }) => path === 'model.bin')?.file ?? '';
  expect(readFileSync(file).equals(CONTENT)).toBe(true);
  return done;
}

const blobs = () => readdirSync(join(env.HF_HOME ?? '', 'hub/models--acme--big/blobs')).sort();

describe('who may read', () => {
  it('a gated repository without a token: accept, and make one', async () => {
    const error = await failure(pulled({ ...env, HF_TOKEN: '' }, { name: 'gemma-2-2b' }));
    expect(error.code).toBe('ERR_SVGT2I_HUB_ACCESS');
    expect(error.message).toMatch(/of google\/gemma-2-2b needs a token, and there is none \(HTTP 401\)$/);
    expect(error.hint).toContain(
      `Accept the licence of google/gemma-2-2b at ${hub.endpoint}/google/gemma-2-2b first.`,
    );
    expect(error.hint).toContain(`${hub.endpoint}/settings/tokens`);
  });

  it('a licence that is not accepted: the page to accept it on', async () => {
    hub.accepted.clear();
    const error = await failure(pulled(env, { name: 'gemma-2-2b' }));
    expect(error.code).toBe('ERR_SVGT2I_HUB_ACCESS');
    expect(error.message).toMatch(/^the licence of google\/gemma-2-2b is not accepted/);
    expect(error.hint).toContain(`Accept it at ${hub.endpoint}/google/gemma-2-2b`);
  });

  it('a token that is none, without printing it', async () => {
    const error = await failure(pulled({ ...env, HF_TOKEN: 'hf_wrong' }, { name: 'acme/big' }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_HUB_ACCESS',
      message: expect.stringContaining('not valid'),
    });
    expect(JSON.stringify(error)).not.toContain('hf_wrong');
    const spaced = await failure(pulled({ ...env, HF_TOKEN: 'hf_a b' }, { name: 'acme/big' }));
    expect(spaced).toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
    expect(JSON.stringify(spaced)).not.toContain('hf_a b');
  });

  it('a token without the right', async () => {
    faulty((_, response) => refuse(response, 403, undefined, 'Forbidden: please enable access'), 1, 'hub');
    const error = await failure(big());
    expect(error.code).toBe('ERR_SVGT2I_HUB_ACCESS');
    expect(error.message).toMatch(
      /must not read .* of acme\/big \(HTTP 403\): Forbidden: please enable access$/,
    );
    expect(error.hint).toContain('fine-grained');
  });
});

describe('what is not there', () => {
  it('a repository, told from one that is private as far as the hub tells it', async () => {
    const error = await failure(pulled(env, { name: 'acme/none' }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_HUB_NOT_FOUND',
      message: expect.stringContaining('no repository acme/none'),
    });
    expect(error.hint).toContain('your token must not read it');
    const secret = await failure(pulled({ ...env, HF_TOKEN: '' }, { name: 'acme/secret' }));
    expect(secret).toMatchObject({
      code: 'ERR_SVGT2I_HUB_NOT_FOUND',
      hint: expect.stringContaining('set HF_TOKEN'),
    });
    expect((await pulled(env, { name: 'acme/secret' })).result.files).toHaveLength(1);
  });

  it('a revision', async () => {
    const error = await failure(pulled(env, { name: 'acme/big@v9' }));
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_HUB_NOT_FOUND', message: 'acme/big has no revision v9' });
  });

  it('a file that was listed', async () => {
    faulty((_, response) => refuse(response, 404, 'EntryNotFound', 'Entry not found'), 1, 'hub');
    const error = await failure(big());
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_HUB_NOT_FOUND',
      message: expect.stringMatching(/^acme\/big has no file /),
    });
  });
});

describe('a server that is busy', () => {
  it('is waited for as long as it asks for, and no longer', async () => {
    faulty((_, response) => response.writeHead(429, { 'retry-after': '0' }).end(), 3);
    const { events } = await arrives();
    const retries = events.filter((event) => event.type === 'retry');
    expect(retries).toHaveLength(3);
    expect(retries[0]).toMatchObject({
      waitMs: 0,
      reason: expect.stringMatching(/too many requests \(HTTP 429\), .*0 s$/),
    });
  });

  it('is told of where it asks for more than anybody waits', async () => {
    faulty((_, response) => response.writeHead(429, { 'retry-after': '86400' }).end());
    const error = await failure(big());
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringMatching(/HTTP 429\), and asks to come back in 86400 s/),
    });
  });

  it.each([500, 502, 503, 504])('is asked again after HTTP %i', async (status) => {
    const { count } = faulty((_, response) => response.writeHead(status).end(), 4);
    await arrives();
    expect(count()).toBe(4);
  });

  it('is given up after so many in a row, and gone on with by the next pull', async () => {
    let good = 0;
    faulty((_, response) => {
      good += 1;
      if (good <= 3) return false;
      response.writeHead(503).end();
      return true;
    });
    const error = await failure(big({ retries: 2, connections: 1 }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('answers HTTP 503'),
    });
    expect(error.hint).toContain('run it again to go on');
    hub.fault = undefined;
    expect((await arrives()).result.fetchedBytes).toBe(50_000);
  });

  it('is asked again for the listing, too', async () => {
    let first = true;
    hub.fault = (_, response, { path }) => {
      if (!first || !path.includes('/tree/')) return false;
      first = false;
      response.writeHead(503).end();
      return true;
    };
    await arrives();
  });
});

describe('a connection', () => {
  it('that is cut in the middle is taken up where it was, for ever as long as bytes come', async () => {
    const { count } = faulty((request, response) => {
      const [start, end] = rangeOf(request, CONTENT.length);
      const range = `bytes ${start}-${end}/${CONTENT.length}`;
      response.writeHead(206, { 'content-length': end + 1 - start, 'content-range': range });
      response.write(CONTENT.subarray(start, start + 700), () => setImmediate(() => response.destroy()));
      return true;
    });
    await arrives({ retries: 1 });
    expect(count()).toBeGreaterThan(80);
  });

  it('that nobody answers is told of, with the reason', async () => {
    const nobody = { ...env, HF_ENDPOINT: 'http://127.0.0.1:9' };
    const error = await failure(pulled(nobody, { name: 'acme/big', retries: 1 }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: 'cannot list acme/big: 127.0.0.1:9 does not answer: it refuses connections',
    });
  });

  it('is tried again where the name of a host is not known for a moment, in the middle', async () => {
    const location = (url: string) => url.replace('127.0.0.1', 'storage.example');
    hub.fault = ({ method }, response, { path }) => {
      if (method !== 'GET' || !path.endsWith('/model.bin')) return false;
      const headers = { location: `${location(hub.storage)}/lfs/${sha256(CONTENT)}` };
      return response.writeHead(302, headers).end();
    };
    let lookups = 0;
    const lookup = (
      hostname: string,
      _: unknown,
      done: (error: Error | null, found?: readonly object[]) => void,
    ) => {
      lookups += 1;
      if (lookups > 3) return done(null, [{ address: '127.0.0.1', family: 4 }]);
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND', hostname }));
    };
    const spy = vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
    const { events } = await arrives().finally(() => spy.mockRestore());
    expect(lookups).toBeGreaterThan(3);
    expect(events.find(({ type }) => type === 'retry')).toMatchObject({
      reason: expect.stringMatching(/^storage\.example:\d+ does not answer: its name is not known/),
    });
  });

  it('that is aborted ends with the reason, and what came is kept', async () => {
    const controller = new AbortController();
    let served = 0;
    faulty(() => {
      served += 1;
      if (served <= 4) return false;
      controller.abort(new Error('enough'));
      return true;
    });
    const error = await failure(big({ connections: 1, signal: controller.signal }));
    expect(error.message).toBe('enough');
    hub.fault = undefined;
    expect((await arrives()).result.fetchedBytes).toBe(40_000);
  });
});

describe('a server that lies', () => {
  it.each([
    ['a total', (length: number) => ({ 'content-range': `bytes 0-9999/${length + 1}` })],
    ['another total', (length: number) => ({ 'content-range': `bytes 0-9999/${length - 1}` })],
  ])('about %s', async (_, headers) => {
    faulty((_request, response) => response.writeHead(206, headers(CONTENT.length)).end('x'));
    const error = await failure(big({ connections: 1 }));
    expect(error.code).toBe('ERR_SVGT2I_FETCH');
    expect(error.message).toMatch(/model\.bin: it should have 80000 bytes, the server sends (80001|79999)$/);
    expect(error.message).not.toContain('signature');
  });

  it('and sends more than it was asked for', async () => {
    faulty((request, response) => {
      const [start, end] = rangeOf(request, CONTENT.length);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${CONTENT.length}` });
      response.end(CONTENT.subarray(start, end + 3));
      return true;
    });
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('sends more'),
    });
  });

  it('and sends less, in the end', async () => {
    faulty((request, response) => {
      const [start, end] = rangeOf(request, CONTENT.length);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${CONTENT.length}` }).end();
      return true;
    });
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('sent nothing'),
    });
  });

  it('and has another file than it lists: it is thrown away, and said so', async () => {
    faulty((request, response) => sendRange(request, response, bytes(CONTENT.length, 99)));
    const error = await failure(big());
    expect(error.code).toBe('ERR_SVGT2I_FETCH');
    expect(error.message).toMatch(
      /^model\.bin of acme\/big: its bytes have SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}$/,
    );
    expect(blobs().filter((name) => name.includes('incomplete'))).toEqual([]);
    hub.fault = undefined;
    await arrives();
  });

  it('and has another small file than it lists', async () => {
    faulty((request, response) => sendRange(request, response, Buffer.from('# bad\n')), 9, 'hub');
    const error = await failure(pulled(env, { name: 'acme/big', include: ['README.md'] }));
    expect(error.message).toMatch(
      /^README\.md of acme\/big: its bytes have Git's SHA-1 [0-9a-f]{40}, not [0-9a-f]{40}$/,
    );
  });

  it.each([
    ['../../evil', 'a path that leaves'],
    ['/etc/evil', 'a path from the root'],
    ['a\\..\\evil', 'a path of another system'],
    ['.git/config', 'what Git runs'],
  ])('and lists %s, %s', async (path) => {
    hub.repos.push({ id: 'acme/evil', files: { [path]: 'x' } });
    const error = await failure(pulled(env, { name: 'acme/evil' }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('an entry that makes no sense'),
    });
  });

  it('and is no hub at all', async () => {
    hub.fault = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      hint: expect.stringContaining('HF_ENDPOINT'),
    });
  });
});

describe('ranges', () => {
  it('that a server does not know: all of it comes in one go', async () => {
    faulty((_, response) => response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT));
    await arrives({ connections: 4 });
  });

  it('that it does not know, and cuts: it begins again, so often and no oftener', async () => {
    let cuts = 3;
    faulty((_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      cuts -= 1;
      if (cuts < 0) response.end(CONTENT);
      else response.write(CONTENT.subarray(0, 5000), () => setImmediate(() => response.destroy()));
      return true;
    });
    await arrives({ connections: 4 });
  });

  it('that it does not have (416) for what an earlier pull has left: it begins again', async () => {
    faulty((_, response, { range }) => {
      if (range?.startsWith('bytes=0-')) return false;
      response.writeHead(403).end();
      return true;
    });
    await failure(big({ connections: 1, retries: 0 }));
    faulty((_, response, { range }) => {
      if (range === undefined) return false;
      response.writeHead(416).end();
      return true;
    });
    expect((await arrives()).result.fetchedBytes).toBe(80_000);
  });

  it('that end later than those asked for: all of it comes in one go', async () => {
    faulty((_, response, { range }) => {
      if (range === undefined) return false;
      const { length } = CONTENT;
      response.writeHead(206, { 'content-range': `bytes ${/\d+/.exec(range)?.[0]}-${length - 1}/${length}` });
      response.end(CONTENT);
      return true;
    });
    expect((await arrives()).result.fetchedBytes).toBe(CONTENT.length + 6);
  });

  it('of a file that is shorter than listed (416 with its size)', async () => {
    faulty((_, response) => response.writeHead(416, { 'content-range': 'bytes */100' }).end());
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('the server sends 100'),
    });
  });

  it('of pieces of another day that are wrong: all of it is fetched again', async () => {
    faulty((_, response, { range }) => {
      if (range?.startsWith('bytes=0-')) return false;
      response.writeHead(403).end();
      return true;
    });
    await failure(big({ connections: 1, retries: 0 }));
    hub.fault = undefined;
    const part = blobs().find((name) => name.endsWith('.incomplete')) ?? '';
    writeFileSync(join(env.HF_HOME ?? '', 'hub/models--acme--big/blobs', part), bytes(10_000, 5));
    const { events } = await arrives();
    expect(events.filter(({ type }) => type === 'warning')).toMatchObject([
      { message: expect.stringMatching(/^model\.bin of acme\/big: .*; fetching all of it again$/) },
    ]);
  });
});

describe('redirects', () => {
  it('to signed addresses that run out are asked for anew', async () => {
    let asks = 0;
    faulty((_, response) => {
      asks += 1;
      if (asks % 3 !== 0) return false;
      response.writeHead(403).end('<Error>Request has expired</Error>');
      return true;
    });
    await arrives({ connections: 1 });
    const resolved = hub.asked.filter(({ path }) => path.includes('/resolve/') && path.endsWith('model.bin'));
    expect(resolved.length).toBeGreaterThan(2);
  });

  it('without end', async () => {
    faulty((_, response, { path }) => response.writeHead(302, { location: path }).end());
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('without end'),
    });
  });

  it.each(['file:///etc/passwd', 'ftp://host/x', 'http://'])('to %s', async (location) => {
    faulty((_, response) => response.writeHead(302, { location }).end());
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('which is no address'),
    });
  });
});

describe('what was asked for in vain', () => {
  it('is told of', async () => {
    const plan = async (options: object) => (await planPullWith(options, { env, policy: FAST })).warnings;
    expect(await plan({ name: 'acme/big', for: 'training' })).toEqual([
      '--for training means nothing of acme/big, which is fetched whole',
    ]);
    expect(await plan({ name: 'acme/big', include: ['*.md', '*.none'] })).toEqual(['no file matches *.none']);
    expect(await plan({ for: 'training', include: ['*.md'] })).toEqual([
      '--for training means nothing with --include',
    ]);
    expect(await plan({ name: 'gemma-2-2b', for: 'training' })).toEqual([]);
  });

  it('is a folder that is a file', async () => {
    const into = join(temporaryFolder(), 'file');
    writeFileSync(into, '');
    const error = await failure(big({ into }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('is a file, not a folder'),
    });
    expect(hub.asked).toEqual([]);
  });
});

describe('before gigabytes are fetched', () => {
  it('a repository that refuses is told of, and the others are not begun', async () => {
    const error = await failure(pulled({ ...env, HF_TOKEN: '' }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_HUB_ACCESS',
      message: expect.stringContaining('google/gemma-2-2b needs a token'),
    });
    expect(hub.fetched()).toEqual([]);
    expect(existsSync(env.HF_HOME ?? '')).toBe(false);
  });

  it('the plan warns of it, with the page', async () => {
    const plan = await planPullWith({}, { env: { ...env, HF_TOKEN: '' }, policy: FAST });
    expect(plan.warnings).toEqual([
      expect.stringMatching(/gemma-2-2b needs a token.*Accept the licence of google\/gemma-2-2b at http/),
    ]);
    expect(plan.totalBytes).toBeGreaterThan(0);
  });

  it.each([
    ['503', 503, {}],
    ['429 for a day', 429, { 'retry-after': '86400' }],
  ])('HTTP %s as the answer is for the fetching to find out', async (_, status, headers) => {
    hub.fault = (request, response) => request.method === 'HEAD' && response.writeHead(status, headers).end();
    const heads = () => hub.asked.filter(({ method }) => method === 'HEAD');
    const plan = await planPullWith({}, { env, policy: FAST });
    expect([plan.repositories.length, plan.warnings]).toEqual([2, []]);
    const asked = heads().length;
    expect(asked).toBeLessThanOrEqual(4);
    const { result } = await pulled(env);
    expect(result.fetchedBytes).toBe(result.totalBytes);
    expect(heads()).toHaveLength(2 * asked);
  });

  it('one repository is asked after another, so that nothing is told once the call has ended', async () => {
    hub.accepted.clear();
    const [first = ''] = (await planPullWith({}, { env, policy: FAST })).repositories.map(({ repo }) => repo);
    const ends: string[] = [];
    hub.fault = (request, response, { path }) => {
      if (request.method !== 'HEAD') return false;
      ends.push(path.includes(first) ? 'first' : 'other');
      return path.includes(first) && response.writeHead(407).end();
    };
    expect(await failure(pulled(env))).toMatchObject({ code: 'ERR_SVGT2I_FETCH' });
    expect(ends).toEqual(['first']);
  });

  it('nothing is asked where all is there', async () => {
    await big();
    const before = hub.asked.length;
    await big();
    expect(hub.asked.slice(before).filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
  });
});

describe('what no other try can mend', () => {
  const retriesOf = async (work: (tell: (event: PullEvent) => void) => Promise<unknown>) => {
    let retries = 0;
    const error = await failure(
      work(({ type }) => {
        if (type === 'retry') retries += 1;
      }),
    );
    return { ...error, retries };
  };

  it('a proxy that wants a password', async () => {
    faulty((_, response) => response.writeHead(407).end());
    const error = await retriesOf((onProgress) => big({ onProgress }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('the proxy wants a name and a password'),
      hint: expect.stringContaining('NAME:PASSWORD'),
      retries: 0,
    });
  });

  it.each([
    ['ENOTFOUND', /^hub\.example cannot be reached/, { hostname: 'hub.example' }],
    ['ENOTFOUND', /^the proxy proxy\.example cannot be reached/, { hostname: 'proxy.example' }],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /^the certificate of hub\.example is not trusted: no$/, {}],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /^the certificate of hub\.example is not trusted/, {}],
  ])('%s', (code, message, more) => {
    const inner = Object.assign(new Error('no'), { code, ...more });
    const error = hopelessError(
      new TypeError('fetch failed', { cause: inner }),
      new URL('https://hub.example/x'),
    );
    expect([error?.code, error?.message]).toEqual(['ERR_SVGT2I_FETCH', expect.stringMatching(message)]);
  });

  it('a proxy that is not there is named, and not the hub', async () => {
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:9');
    const error = await failure(big({ retries: 0 }));
    vi.unstubAllEnvs();
    expect(error.message).toContain('the proxy at 127.0.0.1:9 refuses connections');
  });
});

describe('secrets', () => {
  it('of a redirect are not printed', async () => {
    const location = 'ftp://bob:pw9@storage/x?X-Amz-Signature=secret';
    faulty((_, response) => response.writeHead(302, { location }).end());
    const error = JSON.stringify(await failure(big()));
    expect(error).toContain('ftp://storage/x');
    expect(error).not.toMatch(/secret|pw9/);
  });

  it.each(['http://bob:pw9@127.0.0.1:9', 'bob:pw9@127.0.0.1', 'ftp://bob:pw9@host', 'https://host/?key=pw9'])(
    'of HF_ENDPOINT=%s are refused, and not printed',
    async (HF_ENDPOINT) => {
      const error = await failure(pulled({ ...env, HF_ENDPOINT }, { name: 'acme/big' }));
      expect(error.code).toBe('ERR_SVGT2I_INVALID_ARGUMENT');
      expect(JSON.stringify(error)).not.toContain('pw9');
    },
  );

  it('of a proxy are not printed', async () => {
    vi.stubEnv('HTTP_PROXY', 'bad://bob:pw9@proxy:1');
    const error = await pulled(env, { name: 'acme/big' }).catch((thrown: unknown) => thrown);
    vi.unstubAllEnvs();
    expect(inspect(error)).toContain('the proxy cannot be used');
    expect(inspect(error, { depth: 9 })).not.toContain('pw9');
  });
});

describe('a listing', () => {
  const listing = (answer: (cursor: string | null) => readonly [unknown, string?]) => {
    hub.fault = (request, response, { path }) => {
      if (!path.includes('/tree/')) return false;
      const [entries, next] = answer(new URL(request.url ?? '', hub.endpoint).searchParams.get('cursor'));
      const link =
        next === undefined
          ? {}
          : { link: `<${hub.endpoint}${path.split('?')[0]}?cursor=${next}>; rel="next"` };
      response.writeHead(200, { 'content-type': 'application/json', ...link }).end(JSON.stringify(entries));
      return true;
    };
  };
  const README = { type: 'file', path: 'README.md', size: 6, oid: gitSha1(Buffer.from('# big\n')) };

  it('may say of a small file that it is no large one', async () => {
    listing(() => [[{ ...README, lfs: null }]]);
    expect((await big()).result.files).toHaveLength(1);
  });

  it('of empty pages without end is ended', async () => {
    listing((cursor) => [[], String(Number(cursor) + 1)]);
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('a listing without end'),
    });
  });

  it.each(['a\nb', 'a\u001b[2Jb', 'a\u007fb'])('with the path %j is refused', async (path) => {
    listing(() => [[{ ...README, path }]]);
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('an entry that makes no sense'),
    });
  });

  it('may not write where notes about files are kept', async () => {
    listing(() => [[{ ...README, path: '.cache/huggingface/svg-t2i.lock' }]]);
    expect(await failure(big({ into: temporaryFolder() }))).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('lies where notes about files are kept'),
    });
    expect((await planPullWith({ name: 'acme/big' }, { env, policy: FAST })).files).toHaveLength(1);
  });

  it('may write beside that', async () => {
    const path = '.cache/huggingface-notes/x';
    hub.repos.push({ id: 'acme/beside', files: { [path]: 'x' } });
    const into = temporaryFolder();
    await pulled(env, { name: 'acme/beside', into });
    expect(read(into, path).toString()).toBe('x');
  });

  it('that is refused is told of by its status, also where that is packed', async () => {
    hub.fault = (_, response, { path }) =>
      path.startsWith('/api/') &&
      response
        .writeHead(404, {
          'content-encoding': 'gzip',
          'content-type': 'application/json',
          'x-error-code': 'RepoNotFound',
        })
        .end('\u001f\u008b');
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_HUB_NOT_FOUND',
      message: expect.stringContaining('there is no repository acme/big'),
    });
  });

  it.each(['/tree/', '/lfs/'])('or file (%s) that is packed is refused', async (part) => {
    hub.fault = (_, response, { path }) =>
      path.includes(part) && response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    expect(await failure(big())).toMatchObject({
      code: 'ERR_SVGT2I_FETCH',
      message: expect.stringContaining('sends Content-Encoding gzip'),
    });
  });
});

describe('what onProgress throws', () => {
  it.each(['plan', 'progress', 'check', 'file'])('at %s ends the call, as it is', async (type) => {
    const thrown = new TypeError('of the caller');
    let tells = 0;
    const onProgress = (event: PullEvent) => {
      if (event.type !== type) return;
      tells += 1;
      throw thrown;
    };
    await expect(big({ onProgress })).rejects.toBe(thrown);
    expect(tells).toBeLessThan(3);
  });

  it.each(['/tree/', '/resolve/'])('at another try of %s, too', async (part) => {
    const thrown = new TypeError('of the caller');
    hub.fault = (_, response, { path }) => path.includes(part) && response.writeHead(503).end();
    const onProgress = ({ type }: PullEvent) => {
      if (type === 'retry') throw thrown;
    };
    await expect(big({ onProgress })).rejects.toBe(thrown);
  });
});

describe('files of one content', () => {
  const TWINS = { id: 'acme/twins', lfs: /bin$/, files: { 'a.bin': CONTENT, 'b.bin': CONTENT } };

  it.each([
    ['with links', {}, false],
    ['without links', { HF_HUB_DISABLE_SYMLINKS: '1' }, false],
    ['in a folder', {}, true],
  ])('are fetched once: %s', async (_, variables, isInto) => {
    hub.repos.push(TWINS);
    const into = isInto ? { into: temporaryFolder() } : {};
    const { result } = await pulled({ ...env, ...variables }, { name: 'acme/twins', ...into });
    expect(hub.asked.filter(({ host }) => host === 'storage')).toHaveLength(1);
    expect(result.fetchedBytes).toBe(CONTENT.length);
    expect(result.files.map(({ file }) => readFileSync(file).equals(CONTENT))).toEqual([true, true]);
  });

  it('in two repositories are fetched once, and are blobs of both', async () => {
    const gemma = { ...GEMMA, files: { ...GEMMA.files, 'tokenizer.json': bytes(2100, 7) } };
    hub.repos.splice(hub.repos.indexOf(GEMMA), 1, gemma);
    const { result } = await pulled(env);
    expect(result.fetchedBytes).toBe(result.totalBytes - 2100);
    const twins = result.files.filter(({ bytes: size }) => size === 2100);
    expect(twins.map(({ repo }) => repo).sort()).toEqual([SVG_T2I.id, GEMMA.id].sort());
    for (const { file } of twins) {
      expect(readlinkSync(file)).toMatch(/^(\.\.\/)+blobs\/[0-9a-f]{64}$/);
      expect(readFileSync(file).equals(bytes(2100, 7))).toBe(true);
    }
  });

  it('stay in the snapshots of other commits where new ones get no links', async () => {
    const first = (await big()).result.files;
    hub.repos.splice(hub.repos.indexOf(BIG), 1, { ...BIG, commit: 'a'.repeat(40) });
    const before = hub.fetched().length;
    env = { ...env, HF_HUB_DISABLE_SYMLINKS: '1' };
    const second = (await big()).result.files;
    expect(hub.fetched()).toHaveLength(before);
    expect(second[0]?.file).not.toBe(first[0]?.file);
    for (const { file, path } of [...first, ...second]) {
      expect(readFileSync(file).equals(Buffer.from(BIG.files[path as keyof typeof BIG.files]))).toBe(true);
    }
  });
});

describe('--into', () => {
  it('keeps the folders of other repositories than the release', async () => {
    const files = { x: '1', 'pre-trained/x': '2', 'svg_t2i/pre-trained/x': '3' };
    hub.repos.push({ id: 'acme/nested', files });
    const into = temporaryFolder();
    await pulled(env, { name: 'acme/nested', into });
    for (const [path, text] of Object.entries(files)) expect(read(into, path).toString()).toBe(text);
    expect((await pulled(env, { name: 'acme/nested', into })).result.fetchedBytes).toBe(0);
  });

  it('refuses two files of one place before anything is fetched', async () => {
    const statistics = 'dinov3_s16p_layer_patchtoken_stats_dist.pt';
    const files = { ...SVG_T2I.files, [`svg_t2i/pre-trained/${statistics}`]: 'other' };
    hub.repos.splice(hub.repos.indexOf(SVG_T2I), 1, { ...SVG_T2I, files });
    const error = await failure(pulled(env, { include: ['*.pt'], into: temporaryFolder() }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringMatching(/^pre-trained\/.* and svg_t2i\/pre-trained\/.* would both become /),
    });
    expect(hub.fetched()).toEqual([]);
  });

  it('removes what dead processes have left of its own files, and nothing of others', async () => {
    const into = temporaryFolder();
    const dead = `${processTag().replace(/^\d+/, '999999999')}.part`;
    mkdirSync(join(into, 'photos'));
    const [theirs, own] = [join(into, 'photos', `a.${dead}`), join(into, `model.bin.${dead}`)];
    for (const path of [theirs, own]) writeFileSync(path, 'x');
    await big({ into });
    expect([existsSync(theirs), existsSync(own)]).toEqual([true, false]);
  });
});

describe('places', () => {
  it('are made where HF_HUB_CACHE says, and files lie there themselves without links', async () => {
    const cache = join(temporaryFolder(), 'a/b');
    const { result } = await pulled(
      { ...env, HF_HUB_CACHE: cache, HF_HUB_DISABLE_SYMLINKS: '1' },
      { name: 'acme/big' },
    );
    expect(
      result.files.every(({ file }) => file.startsWith(join(cache, 'models--acme--big/snapshots'))),
    ).toBe(true);
    expect(readdirSync(join(cache, 'models--acme--big/blobs'))).toEqual([]);
    const before = hub.fetched().length;
    await pulled({ ...env, HF_HUB_CACHE: cache }, { name: 'acme/big' });
    expect(hub.fetched().length).toBe(before);
  });

  it('that cannot be made are told of', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const error = await failure(pulled({ ...env, HF_HUB_CACHE: join(file, 'cache') }, { name: 'acme/big' }));
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_IO',
      message: expect.stringContaining('is a file, not a folder'),
    });
  });

  it.each(['huggingface.co', 'ftp://huggingface.co', 'not an address'])(
    'HF_ENDPOINT=%s is refused',
    async (HF_ENDPOINT) => {
      const error = await failure(pulled({ ...env, HF_ENDPOINT, HF_TOKEN: TOKEN }, { name: 'acme/big' }));
      expect(error).toMatchObject({
        code: 'ERR_SVGT2I_INVALID_ARGUMENT',
        message: expect.stringContaining('HF_ENDPOINT'),
      });
    },
  );

  it('of another tool that fetches the same are left alone', async () => {
    await big();
    expect(existsSync(join(env.HF_HOME ?? '', 'hub/.locks/models--acme--big/svg-t2i.lock'))).toBe(false);
  });
});

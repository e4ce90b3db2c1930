import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { download } from '../../../lib/install/download.js';
import { temporaryFolder } from './fixtures.js';

const CONTENT = Buffer.from('0123456789'.repeat(20_000));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive.zip`;
}

/** Answers ranges; `cut` breaks off the first answers after so many bytes. */
function withRanges(ranges: string[], cuts: number[] = []): RequestListener {
  return (request, response) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    ranges.push(request.headers.range ?? 'all');
    if (start >= CONTENT.length) {
      response.writeHead(416).end();
      return;
    }
    const body = CONTENT.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length });
    const cut = cuts.shift();
    if (cut === undefined) response.end(body);
    // Late enough for the bytes to be on the client's disk.
    else response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 100));
  };
}

describe('download', () => {
  it('fetches a file, reports bytes and checks the hash', async () => {
    const file = join(temporaryFolder(), 'new/archive.zip');
    const seen: (readonly [number, number | undefined])[] = [];
    const url = await serve(withRanges([]));
    await download(url, file, { sha256: SHA256.toUpperCase(), onBytes: (...bytes) => seen.push(bytes) });
    expect(readFileSync(file).equals(CONTENT)).toBe(true);
    expect(seen.at(-1)).toEqual([CONTENT.length, CONTENT.length]);
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('goes on where the connection was cut', async () => {
    const file = join(temporaryFolder(), 'archive.zip');
    const ranges: string[] = [];
    await download(await serve(withRanges(ranges, [65_536, 65_536])), file, { sha256: SHA256 });
    expect(readFileSync(file).equals(CONTENT)).toBe(true);
    expect(ranges[0]).toBe('all');
    expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('goes on with the part of an earlier run, also when it was whole', async () => {
    const file = join(temporaryFolder(), 'archive.zip');
    const ranges: string[] = [];
    const url = await serve(withRanges(ranges));
    writeFileSync(`${file}.part`, CONTENT.subarray(0, 1000));
    await download(url, file, { sha256: SHA256 });
    writeFileSync(`${file}.part`, CONTENT);
    await download(url, file, { sha256: SHA256 });
    expect(ranges).toEqual(['bytes=1000-', `bytes=${CONTENT.length}-`]);
    expect(readFileSync(file).equals(CONTENT)).toBe(true);
  });

  it('starts again where the server knows no ranges', async () => {
    const file = join(temporaryFolder(), 'archive.zip');
    writeFileSync(`${file}.part`, 'something else');
    await download(await serve((_, response) => response.end(CONTENT)), file, { sha256: SHA256 });
    expect(readFileSync(file).equals(CONTENT)).toBe(true);
  });

  it('refuses another hash and throws the bytes away', async () => {
    const file = join(temporaryFolder(), 'archive.zip');
    const failing = download(await serve(withRanges([])), file, { sha256: '0'.repeat(64) });
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INSTALL',
      message: expect.stringContaining(SHA256),
    });
    expect(existsSync(file) || existsSync(`${file}.part`)).toBe(false);
  });

  it('does not insist when the server refuses', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.writeHead(404).end();
    });
    await expect(download(url, join(temporaryFolder(), 'x'))).rejects.toThrow(/HTTP 404/);
    expect(asked).toBe(1);
  });

  it('says why there is no connection', async () => {
    const failing = download('http://127.0.0.1:9/archive.zip', join(temporaryFolder(), 'x'), { retries: 1 });
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INSTALL',
      hint: expect.stringContaining('--file'),
    });
  });

  it.each([
    [
      'a proxy that wants a password',
      407,
      {},
      /^cannot fetch http:\/\/[^?]*zip: the proxy wants/,
      'NAME:PASSWORD',
    ],
    [
      'a redirect to no address',
      302,
      { location: 'ftp://bob:pw9@host/x?y' },
      /^cannot fetch http:\/\/[^?]*zip: the server redirects to ftp:\/\/host\/x, which is no address$/,
      'the proxy',
    ],
    ['a status', 404, {}, /^cannot fetch http:\/\/[^?]*zip: HTTP 404$/, 'Check the address'],
  ])('tells of %s with its own way out, and of no secret', async (_, status, headers, message, fix) => {
    const url = await serve((_request, response) => response.writeHead(status, headers).end());
    const failing = download(`${url}?signature=secret`, join(temporaryFolder(), 'x'), { retries: 0 });
    const error = await failing.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_INSTALL',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(new RegExp(`${fix}.*--file`)),
    });
    expect(JSON.stringify([error, String(error)])).not.toMatch(/secret|pw9/);
  });

  it('names what a proxy may be where the address of one is none', async () => {
    vi.stubEnv('HTTP_PROXY', 'bad://proxy:1');
    const failing = download('http://127.0.0.1:9/archive.zip', join(temporaryFolder(), 'x'), { retries: 0 });
    const error = await failing.catch((thrown: unknown) => thrown);
    vi.unstubAllEnvs();
    expect(error).toMatchObject({
      message: expect.stringContaining('the proxy cannot be used'),
      hint: expect.stringMatching(/NO_PROXY.*--file/),
    });
  });

  it('needs room on the disk before it starts', async () => {
    const file = join(temporaryFolder(), 'archive.zip');
    const failing = download(await serve(withRanges([])), file, { freeBytes: async () => 1000 });
    await expect(failing).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISK_FULL' });
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('x', () => controller.abort(new Error('enough')));
    });
    const failing = download(url, join(temporaryFolder(), 'x'), { signal: controller.signal });
    await expect(failing).rejects.toThrow('enough');
  });
});

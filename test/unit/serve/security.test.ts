// Who is let in: keys, host names, origins, and a server that would be open to all.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SvgT2IError } from '../../../lib/errors.js';
import { checkExposure, hostCheck, hostOf } from '../../../lib/serve/security/hosts.js';
import { KeyRing, keyOf, readKeys } from '../../../lib/serve/security/keys.js';
import { settingsOf } from './fake-drawer.js';

const KEY = 'k'.repeat(32);
const folder = mkdtempSync(join(tmpdir(), 'svg-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'keys.txt');
  writeFileSync(path, text);
  return path;
}

describe('keys', () => {
  it('come from a setting and from the lines of a file', async () => {
    const other = 'o'.repeat(20);
    const keys = await readKeys(settingsOf({ apiKey: KEY, apiKeyFile: file(`# ours\n\n  ${other}\r\n`) }));
    expect(keys).toEqual([KEY, other]);
    const ring = new KeyRing(keys);
    expect([ring.placeOf(KEY), ring.placeOf(other), ring.placeOf(`${KEY}k`), ring.placeOf('')]).toEqual([
      1,
      2,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['# nothing\n', /there is no key in it/],
    ['short\n', /at least 16 characters/],
  ])('are refused: %j', async (text, message) => {
    const error = await readKeys(settingsOf({ apiKeyFile: file(text) })).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SvgT2IError);
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('got "short"');
  });

  it.each([
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: 'bearer  abc ' }, 'abc'],
    [{ authorization: `Basic ${Buffer.from('user:a:bc').toString('base64')}` }, 'a:bc'],
    [{ 'x-api-key': 'abc' }, 'abc'],
    [{ 'api-key': 'abc' }, 'abc'],
    [{ authorization: 'Digest abc' }, undefined],
    [{}, undefined],
  ])('of %j', (headers: Record<string, string>, key) => {
    expect(keyOf((name) => headers[name])).toBe(key);
  });
});

describe('names of the server', () => {
  it.each([
    ['localhost:7860', 'localhost'],
    ['[::1]:80', '::1'],
    ['A.Example.', 'a.example'],
    ['a b', undefined],
    ['user@host', undefined],
    ['', undefined],
  ])('%j', (header, host) => {
    expect(hostOf(header)).toBe(host);
  });

  it('are its own, addresses, and those that are allowed', () => {
    const isKnown = hostCheck({ host: '127.0.0.1', allowHost: ['Pictures.Lan'] }, false);
    const known = ['localhost:1', '127.0.0.1:7860', '[::1]', 'a.localhost', '192.168.1.9:80', 'pictures.lan'];
    expect(known.filter((name) => !isKnown(name))).toEqual([]);
    const foreign = ['evil.example:7860', '127.0.0.1.evil.example', 'localhost.evil.example', undefined];
    expect(foreign.filter(isKnown)).toEqual([]);
    expect(hostCheck({ host: '0.0.0.0', allowHost: [] }, true)('any.name')).toBe(true);
  });
});

describe('a server that anybody could use', () => {
  it.each([
    [{ host: '0.0.0.0' }, /anybody who reaches 0\.0\.0\.0/],
    [{ host: '192.168.1.9' }, /could use the server/],
    [{ cors: ['*'] }, /lets every page of the web/],
  ])('is refused: %j', (settings, message) => {
    expect(() => checkExposure(settingsOf(settings), false)).toThrow(message);
    expect(() => checkExposure(settingsOf(settings), true)).not.toThrow();
    expect(() => checkExposure(settingsOf({ ...settings, insecure: true }), false)).not.toThrow();
  });

  it('is none on loopback', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]']) checkExposure(settingsOf({ host }), false);
  });
});

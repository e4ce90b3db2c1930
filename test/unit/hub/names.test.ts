/** Names of the hub, and the places of its cache, as they are told from paths. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hubNameOf } from '../../../lib/config/hub-name.js';
import { retryAfter } from '../../../lib/fetch/retry.js';
import { hubCache, hubEndpoint, hubToken } from '../../../lib/hub/places.js';
import { matches } from '../../../lib/pull/glob.js';
import { Rate } from '../../../lib/pull/rate.js';
import { temporaryFolder } from './fixtures.js';

describe('a name', () => {
  it.each([
    ['svg-t2i', { repo: 'KlingTeam/SVG-T2I', revision: 'main', short: 'svg-t2i' }],
    ['gemma-2-2b@v1', { repo: 'google/gemma-2-2b', revision: 'v1', short: 'gemma-2-2b' }],
    ['org/name', { repo: 'org/name', revision: 'main' }],
    ['org/name-1.5_x@refs/pr/3', { repo: 'org/name-1.5_x', revision: 'refs/pr/3' }],
    [
      'org/name@fe05bcdcdc4928012781a5f1a2a77cbb5398e106',
      { revision: 'fe05bcdcdc4928012781a5f1a2a77cbb5398e106' },
    ],
  ])('is %s', (text, expected) => expect(hubNameOf(text)).toMatchObject(expected));

  it.each([
    ...[
      'pre-trained',
      './org/name',
      '../name',
      '/org/name',
      'a/b/c',
      'org/',
      '/name',
      'org//name',
      '~/x',
      '',
    ],
    ...[
      'org/name/',
      'org/na..me',
      'org/name--x',
      'org/.name',
      'org/name.',
      'org/name@a..b',
      'org/name@/x',
      'C:\\x',
    ],
    ...[
      'autoencoder/svg_autoencoder_P.yaml',
      'dit/model.safetensors',
      'stats/x.pt',
      'org/name @x',
      'toString',
    ],
  ])('is not "%s"', (text) => expect(hubNameOf(text)).toBeUndefined());
});

it('is the same in any case, of those that are published', () => {
  expect(hubNameOf('klingteam/svg-t2i@v1')).toEqual({ repo: 'KlingTeam/SVG-T2I', revision: 'v1' });
  expect(hubNameOf('Acme/Tiny')?.repo).toBe('Acme/Tiny');
});

it('refuses a pattern that makes no sense', () => {
  expect(() => matches('[z-a]', 'x')).toThrow(
    expect.objectContaining({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('"[z-a]"'),
    }),
  );
});

describe('places', () => {
  const HOME = '/home/u';
  it.each([
    [{ HOME }, '/home/u/.cache/huggingface/hub'],
    [{ HOME, XDG_CACHE_HOME: '/xdg' }, '/xdg/huggingface/hub'],
    [{ HOME, XDG_CACHE_HOME: '/xdg', HF_HOME: '/hf' }, '/hf/hub'],
    [{ HOME, HF_HOME: '~/hf' }, '/home/u/hf/hub'],
    [{ HOME, HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
    [{ HOME, HF_HOME: '/hf', HF_HUB_CACHE: '/cache', HUGGINGFACE_HUB_CACHE: '/old' }, '/cache'],
    [{ HOME, HF_HOME: '', HF_HUB_CACHE: '' }, '/home/u/.cache/huggingface/hub'],
  ])('of the cache: %j', (env, expected) => expect(hubCache(env)).toBe(expected));

  it('of the server', () => {
    expect(hubEndpoint({})).toBe('https://huggingface.co');
    expect(hubEndpoint({ HF_ENDPOINT: ' https://mirror.example/hf/ ' })).toBe('https://mirror.example/hf');
  });

  it('of the token: the variable, then the file, then none', () => {
    const HF_HOME = temporaryFolder();
    expect(hubToken({ HF_HOME })).toBeUndefined();
    writeFileSync(join(HF_HOME, 'token'), '  hf_file\n');
    expect(hubToken({ HF_HOME })).toBe('hf_file');
    expect(hubToken({ HF_HOME, HF_TOKEN: 'hf_variable\n' })).toBe('hf_variable');
    expect(hubToken({ HF_HOME, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
    expect(
      hubToken({ HF_HOME, HF_TOKEN: 'hf_variable', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }),
    ).toBeUndefined();
    writeFileSync(join(HF_HOME, 'other'), 'hf_other');
    expect(hubToken({ HF_HOME, HF_TOKEN_PATH: join(HF_HOME, 'other') })).toBe('hf_other');
    mkdirSync(join(HF_HOME, 'folder'));
    expect(() => hubToken({ HF_HOME, HF_TOKEN_PATH: join(HF_HOME, 'folder') })).toThrow(/is a folder/);
  });
});

it.each([
  ['*.json', 'a/b.json', true],
  ['*.json', 'a/b.jsonl', false],
  ['dit-*/', 'dit-1/x/y.pth', true],
  ['model-0000[12]*', 'model-00002-of-3', true],
  ['model-0000[!12]*', 'model-00002-of-3', false],
  ['a?c', 'abc', true],
  ['a.c', 'abc', false],
  ['[', '[', true],
  ['a+(b)|c', 'a+(b)|c', true],
])('the pattern %s of %s', (pattern, path, expected) => expect(matches(pattern, path)).toBe(expected));

it('reads Retry-After as seconds and as a date', () => {
  const now = Date.parse('Sat, 28 Nov 2026 10:00:00 GMT');
  expect(retryAfter('3', now)).toBe(3000);
  expect(retryAfter('Sat, 28 Nov 2026 10:01:00 GMT', now)).toBe(60_000);
  expect(retryAfter('Sat, 28 Nov 2026 09:00:00 GMT', now)).toBe(0);
  expect(retryAfter('soon', now)).toBeUndefined();
  expect(retryAfter(undefined, now)).toBeUndefined();
});

it('tells the rate of the last seconds, not of all of them', () => {
  let now = 0;
  const rate = new Rate(() => now);
  for (now = 0; now <= 20_000; now += 1000) rate.note(now < 10_000 ? now : 10_000 + 5 * (now - 10_000));
  expect(rate.bytesPerSecond).toBe(5000);
  rate.note(0);
  expect(rate.bytesPerSecond).toBe(0);
});

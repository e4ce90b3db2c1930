/** The package in a realm of its own, as jest runs it: classes of JavaScript are not those of the process. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyReleaseFiles, writeTinyRelease } from '../../dist/release/tiny-release.js';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-realm-'));
  await writeTinyRelease(join(folder, 'pre-trained'), 1);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

it('draws, encodes and fails there as anywhere', () => {
  const fixture = fileURLToPath(new URL('./fixtures/realm.mjs', import.meta.url));
  const entry = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
  const weights = join(folder, 'pre-trained', tinyReleaseFiles.dit);
  const flags = ['--no-warnings', '--experimental-vm-modules', '--experimental-import-meta-resolve'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, fixture, entry, folder, weights], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    isAnotherRealm: true,
    latent: 64 * 2,
    decoded: 32 * 16 * 3,
    again: 32 * 16 * 3,
    drawn: [64 * 2, 32 * 16 * 3],
    bytes: true,
    tensors: true,
    failed: 'ERR_SVGT2I_FILE_NOT_FOUND',
    isKnown: true,
    aborted: 'AbortError',
  });
});

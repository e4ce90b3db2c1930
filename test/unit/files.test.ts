/** Files that are there whole or not at all, and what processes that died left of theirs. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { partPath, removeDeadParts, replaceFile } from '../../lib/files.js';
import { processTag } from '../../lib/lock/process.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const deadPid = () => String(spawnSync('true').pid);
const [, started = '', where = ''] = processTag().split('-');

/** The file with its last write so many minutes ago. */
function part(name: string, minutes = 0): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, 'half');
  const time = Date.now() / 1000 - 60 * minutes;
  utimesSync(path, time, time);
  return path;
}

describe('half-written files', () => {
  it('are removed where their process has died', async () => {
    const dead = deadPid();
    const gone = [
      part(`a.png.${dead}-${started}-${where}.part`),
      // The number is this process's, but the one that wrote it started at another time.
      part(`a.png.${process.pid}-1-${where}.part`),
    ];
    expect([...(await removeDeadParts(folder))].sort()).toEqual(gone.sort());
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stay where their process lives, or may live elsewhere', async () => {
    const names = [
      partPath('own.png'),
      `elsewhere.png.12-${started}-00000000.part`,
      'libtorch.zip.part',
      'a.12.part.png',
    ];
    for (const name of names) part(name);
    expect(await removeDeadParts(folder)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(names.sort());
  });

  it("stay where nothing says that they are ours: a number alone is a split archive's, or another program's", async () => {
    const names = [
      `video.${deadPid()}.part`,
      'video.2.part',
      'a.2-3.part',
      'a.2-3-4.part',
      `a.2-3-${where}0.part`,
      `a.x2-3-${where}.part`,
    ];
    for (const name of names) part(name, 120);
    expect(await removeDeadParts(folder)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(names.sort());
  });

  it('of processes out of sight go when nobody has written them for an hour', async () => {
    const old = part(`a.12-${started}-00000000.part`, 61);
    const young = part(`b.12-${started}-00000000.part`, 50);
    expect(await removeDeadParts(folder)).toEqual([old]);
    expect(existsSync(young)).toBe(true);
  });

  it('are found in the folders below where that is asked for', async () => {
    const deep = part(`export/model/args.json.${deadPid()}-${started}-${where}.part`);
    expect(await removeDeadParts(folder)).toEqual([]);
    expect(await removeDeadParts(folder, { recursive: true })).toEqual([deep]);
  });

  it('are no error where there is no folder', async () => {
    expect(await removeDeadParts(join(folder, 'none'))).toEqual([]);
  });
});

it('a failed write leaves nothing beside', async () => {
  mkdirSync(join(folder, 'taken'));
  await expect(replaceFile(join(folder, 'taken'), ['x'])).rejects.toMatchObject({ code: 'ERR_SVGT2I_IO' });
  expect(readdirSync(folder)).toEqual(['taken']);
});

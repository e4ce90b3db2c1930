import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SvgT2IError } from '../../../lib/errors.js';
import { Ranks, rankPlace } from '../../../lib/processes/ranks.js';
import {
  checkpointName,
  findCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  restoreRequest,
  writeCheckpoint,
} from '../../../lib/train/checkpoint.js';
import { checkResume, runFolder } from '../../../lib/train/run-folder.js';
import { MockEngine } from '../mock-engine.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-checkpoint-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const options = { backend: 'auto', timeoutSeconds: 1 } as const;
const alone = () => Ranks.open(new MockEngine({}), rankPlace({}), options);

async function save(
  step: number,
  write?: (unfinished: string) => Promise<readonly string[]>,
  checkLock = () => Promise.resolve(),
) {
  return await writeCheckpoint({
    folder,
    ranks: await alone(),
    checkLock,
    state: { stage: 'dit', step, globalBatch: 4, configHash: 'x', config: { seed: '0' } },
    write:
      write ??
      (async (unfinished) => {
        writeFileSync(join(unfinished, 'rank-00000-of-00001.safetensors'), `weights of step ${step}`);
        return ['rank-00000-of-00001.safetensors'];
      }),
  });
}

const weights = (step: number) => join(folder, checkpointName(step), 'rank-00000-of-00001.safetensors');

describe('a checkpoint', () => {
  it('appears whole, with the hashes of its files', async () => {
    const path = await save(7);
    expect(path).toBe(join(folder, 'step-00000007'));
    expect(readdirSync(folder)).toEqual(['step-00000007']);
    const found = await findCheckpoint(folder);
    expect(found).toMatchObject({
      folder: path,
      state: {
        step: 7,
        worldSize: 1,
        files: [{ bytes: 17, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      },
    });
  });

  it('is not finished by a process that has lost the folder, and what another one writes there stays', async () => {
    let checks = 0;
    const lost = save(2, undefined, async () => {
      if (++checks > 1) throw new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', 'taken over');
    });
    await expect(lost).rejects.toThrow('taken over');
    expect(readdirSync(folder)).toEqual(['step-00000002.tmp']);
  });

  it('that cannot be written leaves the earlier one and nothing else', async () => {
    await save(1);
    const full = save(2, async (unfinished) => {
      writeFileSync(join(unfinished, 'rank-00000-of-00001.safetensors'), 'half');
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    });
    await expect(full).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DISK_FULL',
      message: expect.stringContaining('step-00000002'),
    });
    expect(readdirSync(folder)).toEqual(['step-00000001']);
    expect((await findCheckpoint(folder))?.state.step).toBe(1);
  });

  it('is skipped where it is damaged, and the one before is taken', async () => {
    for (const step of [1, 2, 3, 4]) await save(step);
    writeFileSync(weights(4), 'weights of step 5');
    truncateSync(weights(3), 3);
    rmSync(join(folder, checkpointName(2), 'state.json'));
    const skipped: string[] = [];
    const found = await findCheckpoint(folder, (reason) => skipped.push(reason));
    expect(found?.state.step).toBe(1);
    expect(skipped).toEqual([
      `skipped: ${weights(4)} is damaged: its SHA-256 is another`,
      `skipped: ${weights(3)} has 3 bytes, not 17`,
      `skipped: ${join(folder, checkpointName(2), 'state.json')} is missing`,
    ]);
    // A run that goes on from step 1 comes by the damaged ones again.
    await save(2);
    expect((await findCheckpoint(folder))?.state.step).toBe(2);
  });

  it('of which none is whole is an error that lists the reasons', async () => {
    await save(1);
    rmSync(weights(1));
    await expect(findCheckpoint(folder)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_CHECKPOINT',
      message: expect.stringContaining('no such file'),
    });
    expect(await findCheckpoint(join(folder, 'nothing'))).toBeUndefined();
  });

  it('is one of the newest that are kept; rests of interrupted saves go', async () => {
    for (const step of [1, 20, 300]) await save(step);
    mkdirSync(join(folder, 'step-00000301.tmp'));
    const warnings: string[] = [];
    const options = { keep: 2, newest: 300, onWarning: (message: string) => warnings.push(message) };
    await pruneCheckpoints(folder, options);
    expect(await listCheckpoints(folder)).toEqual([300, 20]);
    expect(readdirSync(folder)).toHaveLength(2);
    expect(warnings).toEqual([]);
    await pruneCheckpoints(join(folder, 'gone'), options);
    expect(warnings).toHaveLength(1);
  });
});

describe('a checkpoint that was tampered with', () => {
  const statePath = () => join(folder, checkpointName(4), 'state.json');
  const name = (rank: number, world: number) => `rank-0000${rank}-of-0000${world}.safetensors`;
  const change = (values: object) =>
    writeFileSync(
      statePath(),
      JSON.stringify({ ...JSON.parse(readFileSync(statePath(), 'utf8')), ...values }),
    );
  const fileOf = (path: string) => {
    const [file] = JSON.parse(readFileSync(statePath(), 'utf8')).files;
    return { ...file, path };
  };

  it.each([
    ['another step', () => ({ step: 2 }), 'it is of step 2'],
    ['a step that nobody trains', () => ({ step: 1e15 }), 'it is of step 1000000000000000'],
    ['a path out of the folder', () => ({ files: [fileOf('../../../etc/passwd')] }), ''],
    ['an absolute path', () => ({ files: [fileOf('/etc/passwd')] }), ''],
    ['no hash', () => ({ files: [{ ...fileOf(name(0, 1)), sha256: '' }] }), ''],
    ['a file twice', () => ({ files: [fileOf(name(0, 1)), fileOf(name(0, 1))] }), 'lists a file twice'],
    ['another number of processes', () => ({ worldSize: 2 }), 'is not of a run of 2 processes'],
    [
      'a process too many',
      () => ({ files: [fileOf(name(0, 1)), fileOf(name(1, 1))] }),
      'more than 1 processes',
    ],
    [
      'no first process',
      () => ({ worldSize: 2, files: [fileOf(name(1, 2))] }),
      'the file of rank 0 is not listed',
    ],
    ['no files', () => ({ files: [] }), ''],
  ])('with %s is skipped', async (_, values, reason) => {
    await save(3);
    await save(4);
    change(values());
    const warnings: string[] = [];
    expect((await findCheckpoint(folder, (warning) => warnings.push(warning)))?.state.step).toBe(3);
    expect(warnings).toEqual([expect.stringContaining(`skipped: ${statePath()} is damaged`)]);
    expect(warnings[0]).toContain(reason);
  });

  it('under the name of another step is skipped', async () => {
    await save(3);
    cpSync(join(folder, checkpointName(3)), join(folder, checkpointName(9)), { recursive: true });
    expect((await findCheckpoint(folder))?.state.step).toBe(3);
  });

  it('by files that nobody has listed is read without them, and they are named', async () => {
    const path = await save(4);
    writeFileSync(join(path, name(1, 2)), 'of another run');
    symlinkSync('/etc/passwd', join(path, 'rank-00000-of-00004.safetensors'));
    const warnings: string[] = [];
    const found = await findCheckpoint(folder, (warning) => warnings.push(warning));
    expect(found && restoreRequest(found)).toEqual({ folder: path, files: [name(0, 1)] });
    expect(warnings).toEqual([
      `not read, since ${path} does not list them: rank-00000-of-00004.safetensors, ${name(1, 2)}`,
    ]);
  });
});

describe('killed at any moment of a save', () => {
  // Every state that the folder goes through, as another process would find it after kill -9.
  it('a run finds the last whole checkpoint', async () => {
    await save(1);
    const copies: string[] = [];
    const keep = () => {
      const copy = mkdtempSync(join(tmpdir(), 'svg-killed-'));
      cpSync(folder, copy, { recursive: true });
      copies.push(copy);
    };
    await save(2, async (unfinished) => {
      keep();
      writeFileSync(join(unfinished, 'rank-00000-of-00001.safetensors'), 'weights');
      keep();
      return ['rank-00000-of-00001.safetensors'];
    });
    keep();
    const steps: (number | undefined)[] = [];
    for (const copy of copies) {
      steps.push((await findCheckpoint(copy))?.state.step);
      rmSync(copy, { recursive: true });
    }
    expect(steps).toEqual([1, 1, 2]);
  });
});

describe('resuming', () => {
  it('begins only where nothing was trained, and goes on only where there is a checkpoint', async () => {
    const run = { ...runFolder(folder), checkpoints: folder };
    await checkResume(run, 'new');
    await checkResume(run, 'auto');
    await expect(checkResume(run, 'latest')).rejects.toMatchObject({ code: 'ERR_SVGT2I_CHECKPOINT' });
    await save(5);
    await checkResume(run, 'latest');
    await checkResume(run, 'auto');
    await expect(checkResume(run, 'new')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_RUN_FOLDER',
      message: expect.stringContaining('holds a run of 5 steps'),
      hint: expect.stringContaining('--resume'),
    });
  });
});

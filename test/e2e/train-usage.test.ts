// Command lines of training that are refused before anything is loaded; nothing here needs the addon.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonLines, run } from './cli.js';

const configs = fileURLToPath(new URL('../../configs/', import.meta.url));
const dit = `${configs}test/tiny-dit.yaml`;
const autoencoder = `${configs}test/tiny-autoencoder.yaml`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-train-usage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('svg-t2i train', () => {
  it.each([
    [['dit', '--config', dit, '--set', 'data.resolution=100'], 'data.resolution: must be a multiple of 16'],
    [
      ['autoencoder', '--config', autoencoder, '--set', 'data.aspect=multi'],
      'the discriminator needs 32 pixels a side',
    ],
  ])('tells once what all processes would refuse: %s', async (args, message) => {
    const { code, stderr } = await run(['train', ...args, '--nproc', '2']);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\[1\]|rank 1|the others are ended/);
  });

  it.each([
    [['train', 'dit'], 2, 'needs --config FILE'],
    [['train', 'vae'], 2, 'unknown command'],
    [['train', 'dit', '--config', autoencoder], 2, 'is for stage autoencoder, not dit'],
    [['train', 'dit', '--config', dit, '--set', 'model.n_layer=3'], 2, 'did you mean "n_layers"?'],
    [
      ['train', 'dit', '--config', dit, '--set', 'data.resolution=100'],
      2,
      'must be a multiple of 16, got 100',
    ],
    [
      ['train', 'dit', '--config', dit, '--nproc', '3'],
      2,
      '4 pictures cannot be shared equally by 3 processes',
    ],
    [
      ['train', 'dit', '--config', dit, '--set', 'batch.micro=5'],
      2,
      'batch.micro: must be at most batch.global',
    ],
    [
      ['train', 'dit', '--config', dit, '--set', 'model.dim=97'],
      2,
      'model.dim: must be a multiple of n_heads',
    ],
    [['train', 'dit', '--config', dit, '--nproc', 'two'], 2, '--nproc two: must be a whole number'],
    [['train', 'dit', '--config', dit, '--resume', 'yes'], 2, '--resume yes: must be auto, or stand alone'],
    [
      ['train', 'autoencoder', '--config', autoencoder, '--set', 'loss.discStart=-1'],
      2,
      'loss.discStart: must be at',
    ],
    [
      ['train', 'autoencoder', '--config', autoencoder, '--set', 'data.aspect=multi'],
      2,
      'gives pictures of 64x16: the discriminator needs 32 pixels a side',
    ],
    [
      ['train', 'dit', '--config', dit, '--set', 'data.sets=[{path: "s3://bucket/list.jsonl"}]'],
      2,
      'data.sets.0.path: must be a path on this machine: nothing is fetched, got "s3://bucket/list.jsonl"',
    ],
    [['train', 'dit', '--config', dit, '--resume'], 1, 'holds no checkpoint to resume from'],
    [['train', 'dit', '--config', dit], 1, 'no such file or folder'],
    [['train', 'dit', '--resume', '--run', '/nowhere/run'], 1, '/nowhere/run/config.yaml: no such file'],
    [
      ['cache', '--config', dit, '--out', 'x', '--dtype', 'int8'],
      2,
      '--dtype int8: must be one of fp32, bf16, fp16',
    ],
    [['cache', '--config', autoencoder, '--out', 'x'], 2, 'is for stage autoencoder, not dit'],
    [
      ['stats', '--config', dit, '--out', 'x.pt', '--count', '0'],
      2,
      '--count 0: must be a whole number from 1',
    ],
    [['export', '/nowhere', '--out', 'x'], 1, '/nowhere/config.yaml: no such file'],
  ])('%j exits with %i: %s', async (args, code, message) => {
    const finished = await run([...args, '--json'], { cwd: folder });
    expect(finished.code).toBe(code);
    expect(finished.stderr).toContain(message);
    expect(jsonLines(finished)).toMatchObject([{ type: 'error', message: expect.any(String) }]);
  });

  it('says what it would do, with all defaults', async () => {
    const finished = await run([
      'train',
      'dit',
      '--config',
      dit,
      '--set',
      'optimizer.lr=0.5',
      '--print-config',
    ]);
    expect(finished.code).toBe(0);
    expect(parse(finished.stdout.toString())).toMatchObject({
      optimizer: { lr: 0.5, betas: [0.9, 0.95], eps: 1e-15 },
      ema: { decay: 0.95 },
      data: { sets: [{ path: `${configs}test/pictures/list.jsonl` }] },
    });
  });

  it('with ranks that make no sense is refused', async () => {
    const env = { WORLD_SIZE: '2', RANK: '2', MASTER_ADDR: 'localhost' };
    const finished = await run(['train', 'dit', '--config', dit], { env, cwd: folder });
    expect([finished.code, finished.stderr]).toEqual([
      2,
      expect.stringContaining('RANK 2 is outside WORLD_SIZE 2'),
    ]);
    const both = await run(['train', 'dit', '--config', dit, '--nproc', '2'], { env: { ...env, RANK: '1' } });
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('--nproc was given in a process')]);
  });

  it('a file in place of the run folder is a typed error', async () => {
    writeFileSync(join(folder, 'file'), '');
    const finished = await run(['train', 'dit', '--config', dit, '--run', join(folder, 'file')]);
    expect([finished.code, finished.stderr]).toEqual([1, expect.stringContaining('ERR_SVGT2I_IO')]);
  });
});

/** Command lines that are refused before anything is loaded; nothing here needs the addon. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { autoencoderYaml, releaseFiles, writeFiles } from '../unit/release.js';
import { jsonLines, MAIN, run } from './cli.js';

let folder: string;
let pretrained: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-usage-'));
  pretrained = join(folder, 'pre-trained');
  writeFiles(pretrained, releaseFiles());
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('help', () => {
  it.each([[[]], [['--help']], [['help']]])('%j lists commands, examples and exit codes', async (args) => {
    const { code, stdout } = await run(args);
    expect(code).toBe(0);
    for (const text of ['sample', 'reconstruct', 'quickstart', 'Examples:', '130 interrupted']) {
      expect(stdout.toString()).toContain(text);
    }
  });

  it('of a command shows its flags and examples', async () => {
    const { code, stdout } = await run(['sample', '--help']);
    expect(code).toBe(0);
    for (const text of ['--guidance-until', '--size <WxH>', 'how the flow is integrated', 'Examples:']) {
      expect(stdout.toString()).toContain(text);
    }
  });

  it.each(['train', 'dataset', 'init', 'eval'])(
    'of %s is printed to stderr where its subcommand is missing, with exit code 2',
    async (group) => {
      const { code, stdout, stderr } = await run([group]);
      expect([code, stdout.toString()]).toEqual([2, '']);
      expect(stderr).toMatch(new RegExp(`^Usage: svg-t2i ${group} .*\\n[^]*Commands:`));
      expect(stderr).not.toContain('outputHelp');
    },
  );

  it.each([
    [['help', 'sample'], 'Usage: svg-t2i sample'],
    [['help', 'train'], 'Usage: svg-t2i train '],
    [['help', 'train', 'dit'], 'Usage: svg-t2i train dit'],
    [['train', 'help', 'dit'], 'Usage: svg-t2i train dit'],
    [['train', 'help'], 'Usage: svg-t2i train '],
  ])('%j finds the command', async (args, usage) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.toString()).toContain(usage);
  });

  it.each([['--version'], ['-V'], ['-v'], ['version']])('%s tells the versions', async (...args) => {
    const { code, stdout } = await run(args);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^svg-t2i \d+\.\d+\.\d+/);
  });

  it.each([
    [['--version', '--json']],
    [['--json', '--version']],
    [['-v', '--json']],
    [['version', '--json']],
  ])('%j tells them as one JSON object', async (args) => {
    const result = await run(args);
    expect(result.code).toBe(0);
    expect(jsonLines(result)).toMatchObject([
      { version: expect.stringMatching(/^\d+\.\d+\.\d+/), node: process.versions.node },
    ]);
  });
});

it.each([
  [['sampel'], 'unknown command', 'Did you mean sample?'],
  [['help', 'sampel'], "unknown command 'sampel'", 'Did you mean sample?'],
  [['help', 'nope'], "unknown command 'nope'", '--help'],
  [['train', 'help', 'dti'], "unknown command 'dti'", 'Did you mean dit?'],
  [['train', 'dti'], "unknown command 'dti'", 'Did you mean dit?'],
  [['sample', '--setps', '3', 'x'], "unknown option '--setps'", 'Did you mean --steps?'],
  [['sample', 'x', 'y'], 'too many arguments', '--help'],
  [['sample', '--steps'], 'argument missing', '--help'],
  [['reconstruct'], 'missing required argument', '--help'],
  [['sample', 'x', '--steps', '0'], '--steps: must be at least 1, got 0', 'INVALID_CONFIG'],
  [['sample', 'x', '--steps', '1'], '--steps: must be at least the order of dpm++ (2)', '--order 1'],
  [['sample', 'x', '--steps', '1', '--solver', 'euler'], '--steps: must be at least 2', '--order 1'],
  [['sample', 'x', '--steps', 'ten'], '--steps: must be a number, got "ten"', 'INVALID_CONFIG'],
  [['sample', 'x', '--solver', 'ddim'], '--solver: must be one of dpm++, euler', 'INVALID_CONFIG'],
  [['sample', 'x', '--size', '100x64'], '--size: width: must be a multiple of 16, got 100', 'INVALID_CONFIG'],
  [
    ['sample', 'x', '--size', '64x16384'],
    '--size: height: must be at most 8192, got 16384',
    'INVALID_CONFIG',
  ],
  [['sample', 'x', '--size', 'big'], '--size big: must be WIDTHxHEIGHT', '1024x1024'],
  [['sample', 'x', '--device', 'gpu'], '--device: must be auto, cpu, cuda or cuda:N', 'INVALID_CONFIG'],
  [
    ['sample', 'x', '--set', 'sample.stepz=3'],
    'unknown key "sample.stepz", did you mean "steps"?',
    'Known keys',
  ],
  [['sample', 'x', '--prompts', 'p.txt'], 'a prompt and --prompts were both given', 'file'],
  [['sample', 'x', '-o', 'x.bmp'], 'x.bmp', 'ERR_SVGT2I'],
  [['sample', 'x', '--json', '-o', '-'], '--json and -o - both want stdout', 'USAGE'],
  [['reconstruct', 'x.png', '--max-side', '0'], '--max-side', 'USAGE'],
  [['reconstruct', 'x.png', '--max-pixels', 'many'], '--max-pixels: must be a number, got "many"', 'USAGE'],
])('%j exits with 2', async (args, message, hint) => {
  const { code, stdout, stderr } = await run(args, { cwd: folder });
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
  expect(code).toBe(2);
  if (!args.includes('--json')) expect(stdout.toString()).toBe('');
});

it('--json tells an error on stdout too', async () => {
  const result = await run(['sample', 'x', '--json', '--steps', '0']);
  expect(jsonLines(result)).toEqual([
    { type: 'error', code: 'ERR_SVGT2I_INVALID_CONFIG', message: '--steps: must be at least 1, got 0' },
  ]);
});

it('--print-config shows file, environment and flags in that order', async () => {
  const file = join(folder, 'c.yaml');
  writeFileSync(file, 'model: {dtype: fp32, device: cuda}\nsample: {steps: 9, seed: 3}\n');
  const { code, stdout } = await run(['sample', '--config', file, '--seed', '4', '--print-config'], {
    env: { SVG_T2I_DEVICE: 'cpu' },
  });
  expect(code).toBe(0);
  for (const line of ['dtype: fp32', 'device: cpu', 'steps: 9', 'seed: 4']) {
    expect(stdout.toString()).toContain(line);
  }
});

describe('weights', () => {
  it('that are nowhere exit with 4 and say where they were looked for', async () => {
    const { code, stderr } = await run(['sample', 'x'], {
      cwd: folder,
      env: { SVG_T2I_PRETRAINED: '/nowhere' },
    });
    expect(stderr).toContain('looked for /nowhere');
    expect(code).toBe(4);
  });

  it('that are incomplete exit with 4 and name the parts', async () => {
    const incomplete = join(folder, 'incomplete');
    writeFiles(incomplete, { 'gemma-2-2b/config.json': '{}' });
    const args = ['sample', 'x', '--pretrained', incomplete, '-o', join(folder, 'x.png')];
    const { code, stderr } = await run(args);
    for (const part of ['tokenizer.json', 'dit-*', 'autoencoder', 'stats']) expect(stderr).toContain(part);
    expect(code).toBe(4);
  });

  it('with a yaml that contradicts itself exit with 2', async () => {
    writeFiles(pretrained, { 'autoencoder/bad.yaml': autoencoderYaml({ checkpoint: 'x', channels: -1 }) });
    const args = [
      'sample',
      'x',
      '--pretrained',
      pretrained,
      '--autoencoder',
      'bad',
      '-o',
      join(folder, 'x.png'),
    ];
    const { code, stderr } = await run(args);
    expect(stderr).toContain('bad.yaml: model.params.ddconfig.z_channels: must be above 0, got -1');
    expect(code).toBe(2);
  });
});

it('a full disk behind stdout exits with 1 and one clean line', () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'sample', '--print-config'], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8',
  });
  expect(stderr).toContain('cannot write to stdout: no space left on the device');
  expect(status).toBe(1);
});

describe('files', () => {
  it('prompts that cannot be read', async () => {
    const { code, stderr } = await run(['sample', '--prompts', join(folder, 'no.txt')]);
    expect(stderr).toContain('no.txt');
    expect(code).toBe(1);
  });

  it('a picture that cannot be decoded', async () => {
    const path = join(folder, 'broken.png');
    writeFileSync(path, 'no picture');
    const { code, stderr } = await run(['reconstruct', path, '--pretrained', pretrained]);
    expect(stderr).toContain('broken.png');
    expect(stderr).toContain('ERR_SVGT2I_IMAGE');
    expect(code).toBe(1);
  });

  it.each(['file', 'proc'])('an output folder that cannot be made (%s)', async (kind) => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const place = kind === 'file' ? join(file, 'x.png') : '/proc/svg-t2i/x.png';
    const { code, stderr } = await run(['sample', 'x', '--pretrained', pretrained, '-o', place]);
    expect(stderr).toContain('cannot make the folder');
    expect(code).toBe(1);
  });
});

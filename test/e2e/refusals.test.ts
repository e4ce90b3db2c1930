/** What the command line refuses: one clean line, the fix, the code and its exit code, before any work. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';
import { type Finished, run } from './cli.js';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-refusals-'));
  await writeTinyRelease(at('release'), 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the release that a test may spoil. */
function releaseCopy(name: string): string {
  cpSync(at('release'), at(name), { recursive: true });
  return at(name);
}

const sampleFrom = (pretrained: string, ...args: string[]) =>
  run(
    [
      'sample',
      'a circle',
      '--pretrained',
      pretrained,
      '--device',
      'cpu',
      '--size',
      '32x32',
      '--steps',
      '2',
      ...args,
    ],
    {
      cwd: folder,
    },
  );

function expectRefusal({ code, stdout, stderr }: Finished, exit: number, name: string, text: RegExp): void {
  expect(stdout.toString()).toBe('');
  const lines = stderr.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^error: /);
  expect(lines[0]).toMatch(text);
  expect(lines.at(-1)).toBe(`  ERR_SVGT2I_${name}`);
  for (const hint of lines.slice(1, -1)) expect(hint).toMatch(/^ {2}-> /);
  expect(code).toBe(exit);
}

describe('settings', () => {
  it.each([
    [['--size', '100x100'], 'INVALID_CONFIG', /multiple of 16/],
    [['--size', '16384x16'], 'INVALID_CONFIG', /at most 8192/],
    [['--size', '1024x1000'], 'INVALID_CONFIG', /multiple of 16/],
    [['--size', '64'], 'USAGE', /--size/],
    [['--steps', '0'], 'INVALID_CONFIG', /--steps.*at least 1/],
    [['--solver', 'magic'], 'INVALID_CONFIG', /one of dpm\+\+, euler/],
    [['--dtype', 'int4'], 'INVALID_CONFIG', /--dtype/],
    [['--dtype', 'int8', '--device', 'cuda'], 'INVALID_CONFIG', /computed on a CPU alone/],
    [['--set', 'sample.guidnce=3'], 'INVALID_CONFIG', /did you mean "guidance/],
    [['--stesp', '3'], 'USAGE', /unknown option/],
  ])('%j', async (args, name, text) => {
    expectRefusal(await sampleFrom(at('release'), ...args), 2, name, text);
  });

  it('an unknown key of a YAML file names the nearest one', async () => {
    writeFileSync(at('bad.yaml'), 'sample:\n  stesp: 3\n');
    expectRefusal(await sampleFrom(at('release'), '--config', 'bad.yaml'), 2, 'INVALID_CONFIG', /"steps"/);
  });
});

describe('weights', () => {
  it.each([
    ['statistics', /^dinov3_s16p_layer.*\.pt$/, ''],
    ['encoder', /^dinov3_vits16plus/, ''],
    ['transformer', /^consolidated/, 'dit-tiny'],
    ['autoencoder', /\.ckpt$/, 'autoencoder'],
    ['text encoder', /\.safetensors$/, 'gemma-2-2b'],
    ['tokenizer', /^tokenizer\.json$/, 'gemma-2-2b'],
  ])('the %s is missing', async (part, pattern, sub) => {
    const release = releaseCopy(`without ${part}`);
    const file = readdirSync(join(release, sub)).find((name) => pattern.test(name)) ?? '';
    rmSync(join(release, sub, file));
    const finished = await sampleFrom(release);
    // A picture is drawn without the encoder.
    if (part === 'encoder') return expect(finished.code).toBe(0);
    expectRefusal(finished, 4, 'WEIGHTS_MISSING', /./);
    expect(finished.stderr).toMatch(/ -> /);
  });

  it('P weights with a configuration of R', async () => {
    const release = releaseCopy('p as r');
    const yaml = join(release, 'autoencoder/svg_autoencoder_P_stage3_1024.yaml');
    const text = readFileSync(yaml, 'utf8')
      .replace('z_channels: 64', 'z_channels: 72')
      .replace(
        'extra_vit_config: null',
        'extra_vit_config:\n      vit_type: vit-rope-s\n      output_dim: 8\n      use_outnorm: true',
      );
    writeFileSync(yaml, text);
    const finished = await sampleFrom(release);
    expectRefusal(finished, 4, 'WEIGHTS_MISMATCH', /Autoencoder-P.*Autoencoder-R|no extra_vit/);
    expect(finished.stderr).toMatch(/ -> /);
  });

  it('a transformer for other latents than the autoencoder makes', async () => {
    const release = releaseCopy('wide');
    await using engine = await Engine.create({ device: 'cpu', threads: 1 });
    const config = {
      in_channels: 72,
      dim: 96,
      n_layers: 1,
      n_refiner_layers: 1,
      n_heads: 2,
      n_kv_heads: 1,
      multiple_of: 32,
    };
    const path = join(release, 'dit-tiny/consolidated.00-of-01.pth');
    const fresh = { path, seed: 0, values: 'initial' } as const;
    await engine.run('init-weights', {
      model: 'next_dit',
      config: { ...config, cap_feat_dim: 64 },
      ...fresh,
    });
    const finished = await sampleFrom(release);
    expectRefusal(finished, 4, 'WEIGHTS_MISMATCH', /72 channels.*64/);
    expect(finished.stderr).toMatch(/ -> /);
  });

  it('weights with other keys', async () => {
    const release = releaseCopy('other keys');
    cpSync(
      join(release, 'gemma-2-2b/model.safetensors'),
      join(release, 'dit-tiny/consolidated.00-of-01.pth'),
    );
    expectRefusal(await sampleFrom(release), 4, 'WEIGHTS_MISMATCH', /consolidated/);
  });
});

describe('output', () => {
  it('a folder that cannot be made', async () => {
    writeFileSync(at('a file'), '');
    const finished = await sampleFrom(at('release'), '-o', join(at('a file'), 'x.png'));
    expect(finished.code).toBe(1);
    expect(finished.stderr).toMatch(/^error: cannot make the folder/);
  });

  it('a full disk', async () => {
    const { code, stderr } = await sampleFrom(at('release'), '-o', 'out/', '--manifest', '/dev/full');
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_SVGT2I_DISK_FULL');
  });

  it('a prompt beyond the text limit is cut with a warning', async () => {
    const long = 'word '.repeat(700);
    const { code, stderr } = await run(
      [
        'sample',
        long,
        '--pretrained',
        at('release'),
        '--device',
        'cpu',
        '--size',
        '32x32',
        '--steps',
        '2',
        '-o',
        at('long.png'),
      ],
      { cwd: folder },
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*token/m);
  });
});

describe('pictures', () => {
  function bomb(): Buffer {
    const chunk = (type: string, data: Buffer) => {
      const body = Buffer.concat([Buffer.from(type), data]);
      const ends = Buffer.alloc(8);
      ends.writeUInt32BE(data.length, 0);
      ends.writeUInt32BE(crc32(body), 4);
      return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(100_000, 0);
    header.writeUInt32BE(100_000, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const pixels = deflateSync(Buffer.alloc(1_000_000));
    return Buffer.concat([
      signature,
      chunk('IHDR', header),
      chunk('IDAT', pixels),
      chunk('IEND', Buffer.alloc(0)),
    ]);
  }

  it.each([
    ['a bomb', bomb(), /100000x100000/],
    ['text', Buffer.from('no picture'), /no PNG/],
    ['half a picture', bomb().subarray(0, 40), /./],
    [
      'an SVG',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="99999" height="99999"/>'),
      /is an SVG drawing, which is not read/,
    ],
  ])('%s', async (_, bytes, text) => {
    writeFileSync(at('picture.png'), bytes);
    const finished = await run([
      'reconstruct',
      at('picture.png'),
      '--pretrained',
      at('release'),
      '-o',
      at('both.png'),
    ]);
    expectRefusal(finished, 1, 'IMAGE', text);
    expect(existsSync(at('both.png'))).toBe(false);
  });
});

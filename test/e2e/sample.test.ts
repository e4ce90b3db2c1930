/** The built command line on small random weights, from the first picture to Ctrl-C. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage, encodeImage, readParameters } from '../../dist/index.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';
import { jsonLines, type RunOptions, run } from './cli.js';

let folder: string;
let settings: string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-sample-'));
  const pretrained = join(folder, 'release');
  await writeTinyRelease(join(pretrained, 'pre-trained'), 7);
  settings = [
    '--pretrained',
    pretrained,
    '--device',
    'cpu',
    '--dtype',
    'fp32',
    '--size',
    '48x32',
    '--steps',
    '3',
  ];
});
afterAll(() => rmSync(folder, { recursive: true }));

const sample = (args: readonly string[], options: RunOptions = {}) =>
  run(['sample', ...settings, ...args], { cwd: folder, ...options });

describe('output', () => {
  it('one file, named on stdout alone', async () => {
    const { code, stdout } = await sample(['a fox', '-o', 'one/fox.webp']);
    expect(code).toBe(0);
    expect(stdout.toString()).toBe('one/fox.webp\n');
    expect(await readParameters(readFileSync(join(folder, 'one/fox.webp')))).toMatchObject({
      prompt: 'a fox',
    });
  });

  it('how many evaluations were computed, where a step cache was used', async () => {
    const twelve = ['a fox', '--steps', '12', '--count', '2', '-o', 'cached/'];
    const plain = await sample(twelve);
    expect(plain).toMatchObject({ code: 0, stderr: expect.not.stringContaining('step cache') });
    // Whatever the threshold, the first and the last of each picture are, with the prompt and without; a grid of N points has
    // one step less.
    for (const [solver, asked] of [
      ['dpm++', 48],
      ['euler', 44],
    ] as const) {
      expect(await sample([...twelve, '--step-cache', '1000', '--solver', solver])).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(`step cache: computed 8 of ${asked} evaluations\n`),
      });
    }
    const json = await sample([...twelve, '--step-cache', '1000', '--json']);
    expect(json).toMatchObject({ code: 0, stderr: expect.not.stringContaining('computed') });
  });

  it('a picture on stdout from a prompt on stdin', async () => {
    const { code, stdout } = await sample(['-o', '-'], { stdin: 'a fox\n' });
    expect(code).toBe(0);
    expect(await decodeImage(stdout)).toMatchObject({ width: 48, height: 32 });
  });

  it('a folder with a manifest and a grid; a second run draws only what is missing', async () => {
    const args = [
      '--count',
      '2',
      '--seed',
      '40',
      '--grid',
      '--manifest',
      'many/all.jsonl',
      '-o',
      'many',
      '--skip-existing',
    ];
    writeFileSync(join(folder, 'prompts.jsonl'), '{"prompt": "a"}\n{"gpt_4_caption": "b"}\n');
    const all = [...args, '--prompts', 'prompts.jsonl'];
    expect((await sample(all)).code).toBe(0);
    const names = ['0000-seed40', '0001-seed41', '0002-seed42', '0003-seed43', 'grid-0000', 'grid-0001'];
    expect(readdirSync(join(folder, 'many')).sort()).toEqual(
      [...names.map((name) => `${name}.png`), 'all.jsonl'].sort(),
    );
    const manifest = readFileSync(join(folder, 'many/all.jsonl'), 'utf8').trim().split('\n');
    expect(manifest.map((line) => JSON.parse(line))).toMatchObject([
      { file: '0000-seed40.png', prompt: 'a', seed: 40 },
      { file: '0001-seed41.png', prompt: 'a', seed: 41 },
      { file: '0002-seed42.png', prompt: 'b', seed: 42 },
      { file: '0003-seed43.png', prompt: 'b', seed: 43 },
    ]);

    const before = readFileSync(join(folder, 'many/0002-seed42.png'));
    const oldest = statSync(join(folder, 'many/0000-seed40.png')).mtimeMs;
    rmSync(join(folder, 'many/0002-seed42.png'));
    const { stderr } = await sample(all);
    expect(stderr).toContain('3 picture(s) exist already');
    expect(readFileSync(join(folder, 'many/0002-seed42.png'))).toEqual(before);
    expect(statSync(join(folder, 'many/0000-seed40.png')).mtimeMs).toBe(oldest);
  });

  it('NDJSON alone with --json', async () => {
    const result = await sample(['a fox', '--json', '-o', 'json.png']);
    expect(result.code).toBe(0);
    const events = jsonLines(result);
    expect(events.map(({ type }) => type).filter((type) => type !== 'load')).toEqual([
      'encode',
      'step',
      'step',
      'step',
      'decode',
      'image',
      'done',
    ]);
    expect(events.find(({ type }) => type === 'step')).toMatchObject({ index: 0, step: 1, steps: 3 });
    expect(events.at(-2)).toMatchObject({
      type: 'image',
      index: 0,
      file: 'json.png',
      metadata: { prompt: 'a fox' },
    });
  });
});

describe('--from', () => {
  const pixelsOf = async (file: string) => (await decodeImage(readFileSync(join(folder, file)))).data;
  const again = (args: readonly string[]) =>
    run(['sample', '--pretrained', 'release', '--device', 'cpu', ...args], { cwd: folder });

  beforeAll(async () => {
    const asked = ['--seed', '11', '--solver', 'heun', '--guidance', '2', '--negative', 'a dog'];
    for (const format of ['png', 'jpg', 'webp']) {
      await sample(['a fox', ...asked, '--quality', '100', '-o', `from/a.${format}`]);
    }
  });

  it.each(['png', 'jpg', 'webp'])('draws the picture of a %s again', async (format) => {
    const file = `from/again-${format}.png`;
    const { code, stderr } = await again(['--from', `from/a.${format}`, '-o', file]);
    expect([code, stderr]).toEqual([0, '']);
    expect(await pixelsOf(file)).toEqual(await pixelsOf('from/a.png'));
  });

  it('takes flags, a prompt and --set before what the picture says, and a file after it', async () => {
    writeFileSync(join(folder, 'c.yaml'), 'sample: {steps: 9, seed: 5, count: 3}\n');
    const args = ['a cat', '--from', 'from/a.png', '--config', 'c.yaml', '--guidance', '3'];
    await again([...args, '--set', 'sample.negativePrompt=x', '-o', 'from/cat.png']);
    expect(await readParameters(readFileSync(join(folder, 'from/cat.png')))).toMatchObject({
      prompt: 'a cat',
      steps: 3,
      seed: 11,
      solver: 'heun',
      guidanceScale: 3,
      negativePrompt: 'x',
    });
  });

  it('caps attention scores as the picture says, unless a flag does', async () => {
    const capOf = async (file: string) =>
      (await readParameters(readFileSync(join(folder, 'from', file))))?.attentionSoftCap;
    expect(await capOf('a.png')).toBe(false);
    await again(['a fox', '--steps', '2', '--size', '32x32', '--attention-soft-cap', '-o', 'from/cap.png']);
    await again(['--from', 'from/cap.png', '-o', 'from/cap-again.png']);
    await again(['--from', 'from/cap.png', '--no-attention-soft-cap', '-o', 'from/no-cap.png']);
    expect(await Promise.all(['cap.png', 'cap-again.png', 'no-cap.png'].map(capOf))).toEqual([
      true,
      true,
      false,
    ]);
    expect(await pixelsOf('from/cap-again.png')).toEqual(await pixelsOf('from/cap.png'));
  });

  it('says where the models are others, and refuses what is no picture of ours', async () => {
    const image = { width: 16, height: 16, data: new Uint8Array(768) };
    const parameters = { prompt: 'a', dit: 'other/model.pth', width: 32, height: 32, steps: 2 };
    const write = async (name: string, more: object) =>
      writeFileSync(join(folder, name), await encodeImage(image, { format: 'png', ...more }));
    await write('other.png', { parameters });
    await write('plain.png', {});
    await write('many.png', { parameters: { ...parameters, pictures: [{ seed: 1 }, { seed: 2 }] } });
    const other = await again(['--from', 'other.png', '-o', 'x.png']);
    expect(other.stderr).toContain('other.png was drawn with dit other/model.pth, and this is dit-tiny/');
    for (const [name, message] of [
      ['plain.png', 'plain.png carries no parameters of svg-t2i'],
      ['many.png', 'many.png is a grid of 2 pictures'],
      ['c.yaml', 'c.yaml is no PNG'],
      ['absent.png', 'cannot read absent.png: no such file'],
    ] as const) {
      const { code, stderr } = await again(['--from', name, '-o', 'x.png']);
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    }
  });
});

it('reconstruct writes both sides and prints the PSNR', async () => {
  const image = { width: 256, height: 256, data: new Uint8Array(256 * 256 * 3).map((_, i) => i % 251) };
  writeFileSync(join(folder, 'original.png'), await encodeImage(image, { format: 'png' }));
  const args = [
    'reconstruct',
    'original.png',
    '--pretrained',
    'release',
    '--device',
    'cpu',
    '-o',
    'both.png',
  ];
  const { code, stdout } = await run([...args, '--max-side', '100'], { cwd: folder });
  expect(code).toBe(0);
  expect(stdout.toString()).toMatch(/original\.png +96x96 +\d+\.\d\d +both\.png/);
  expect(await decodeImage(readFileSync(join(folder, 'both.png')))).toMatchObject({ width: 200, height: 96 });
});

it('reconstruct turns pictures upright, unless told not to, and has a limit', async () => {
  const picture = fileURLToPath(new URL('../data/exif-orientation-6.jpg', import.meta.url));
  const args = ['reconstruct', picture, '--pretrained', 'release', '--device', 'cpu', '-o', 'turned.png'];
  const sizeOf = async (...more: readonly string[]) =>
    /\d+x\d+/.exec((await run([...args, ...more], { cwd: folder })).stdout.toString())?.[0];
  expect(await sizeOf()).toBe('48x96');
  expect(await sizeOf('--no-auto-orient')).toBe('96x48');
  const refused = await run([...args, '--max-pixels', '100'], { cwd: folder });
  expect(refused.stderr).toContain('has 96x48 pixels (4608 pixels), more than 100 pixels');
  expect(refused.code).toBe(1);
});

it('enhance prints one line a prompt', async () => {
  const args = ['enhance', '--pretrained', 'release', '--device', 'cpu'];
  const { code, stdout } = await run(args, { cwd: folder, stdin: 'a\nb\n' });
  expect(code).toBe(0);
  expect(stdout.toString().trimEnd().split('\n')).toHaveLength(2);
});

describe('Ctrl-C', () => {
  /** Sends SIGINT at the first step, `times` times. */
  async function interrupt(times: number) {
    let sent = false;
    return sample(
      ['a fox', '--json', '--steps', '900', '--size', '512x512', '--count', '3', '-o', `stopped-${times}`],
      {
        watch: (child, stdout) => {
          if (sent || !stdout.includes('"type":"step"')) return;
          sent = true;
          for (let i = 0; i < times; i++) setTimeout(() => child.kill('SIGINT'), 30 * i);
        },
      },
    );
  }

  it.each([1, 2])('%i time(s) exits with 130 and leaves no half file', async (times) => {
    const { code, stderr } = await interrupt(times);
    expect(code).toBe(130);
    expect(stderr).toContain('stopping after this step');
    expect(existsSync(join(folder, `stopped-${times}`))).toBe(true);
    expect(readdirSync(join(folder, `stopped-${times}`))).toEqual([]);
  });
});

describe('weights that do not belong together', () => {
  it('a truncated checkpoint is named', async () => {
    const dit = join(folder, 'release/pre-trained/dit-tiny/consolidated.00-of-01.pth');
    const cut = join(folder, 'cut.pth');
    writeFileSync(cut, readFileSync(dit).subarray(0, 5000));
    const { code, stderr } = await sample(['a fox', '--dit', cut, '-o', 'cut.png']);
    expect(stderr).toContain('cut.pth');
    expect(stderr).toContain('ERR_SVGT2I_FILE_FORMAT');
    expect(code).toBe(1);
    expect(existsSync(join(folder, 'cut.png'))).toBe(false);
  });

  it('the encoder in place of the transformer is refused', async () => {
    const encoder = 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth';
    const { code, stderr } = await sample(['a fox', '--dit', encoder, '-o', 'x.png']);
    expect(stderr).toContain('ERR_SVGT2I_WEIGHTS_MISMATCH');
    expect(code).toBe(4);
  });

  it('a GPU that is not there exits with 3', async () => {
    const { code, stderr } = await sample(['a fox', '--device', 'cuda:99', '-o', 'x.png']);
    expect(stderr).toContain('ERR_SVGT2I_DEVICE_UNAVAILABLE');
    expect(code).toBe(3);
  });
});

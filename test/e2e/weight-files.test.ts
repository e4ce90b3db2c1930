import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';
import { goldenFolder } from '../unit/golden.js';
import { jsonLines, run } from './cli.js';

const files = goldenFolder('torch-files');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-t2i-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('svg-t2i inspect', () => {
  it('lists tensors and says what the file is', async () => {
    const { code, stdout } = await run(['inspect', join(files, 'lightning.ckpt')]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^name +dtype +shape +size\n/);
    expect(stdout.toString()).toMatch(/^format: torch zip$/m);
    expect(stdout.toString()).toMatch(/^below: state_dict$/m);
  });

  it('prints one JSON object, filtered', async () => {
    const all = await run(['inspect', join(files, 'state_dict.pth'), '--json']);
    const { tensors } = JSON.parse(all.stdout.toString()) as { tensors: { name: string }[] };
    const name = tensors[0]?.name ?? '';
    const one = await run(['inspect', join(files, 'state_dict.pth'), '--json', '--filter', name]);
    expect(JSON.parse(one.stdout.toString())).toMatchObject({ tensors: [{ name }] });
  });

  it.each(readdirSync(files).filter((name) => name.startsWith('refuse_')))(
    'refuses %s in one line',
    async (name) => {
      const { code, stdout, stderr } = await run(['inspect', join(files, name)]);
      expect([code, stdout.toString()]).toEqual([1, '']);
      expect(stderr).toMatch(/^error: .*\n( {2}-> .*\n)?( {2}ERR_SVGT2I_(UNSAFE_FILE|FILE_FORMAT)\n)$/);
      expect(stderr).toContain(name);
    },
  );

  it('says that a file is not there', async () => {
    const { code, stderr } = await run(['inspect', join(folder, 'nothing.pth')]);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_SVGT2I_FILE_NOT_FOUND');
  });
});

/** A safetensors file of one tensor, its values all zero and never written. */
function sparseFile(name: string, elements: number, header: object = {}): string {
  const entry = { dtype: 'F32', shape: [elements], data_offsets: [0, 4 * elements] };
  const text = JSON.stringify({ ...header, w: entry });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([length, Buffer.from(text)]));
  truncateSync(path, 8 + text.length + 4 * elements);
  return path;
}

describe('files of other libraries', () => {
  it('without metadata are inspected as others are', async () => {
    const file = sparseFile('plain.safetensors', 3);
    const { code, stdout } = await run(['inspect', file]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^holds: 1 tensors of an unknown model \(3 parameters\)$/m);
    const json = await run(['inspect', file, '--json']);
    expect(JSON.parse(json.stdout.toString())).toMatchObject({ metadata: {}, tensors: [{ name: 'w' }] });
  });

  it('list the tensors of a state dict once', async () => {
    const { stdout } = await run(['inspect', join(files, 'state_dict.pth')]);
    expect(stdout.toString().match(/a\.weight/g)).toHaveLength(1);
    expect(stdout.toString()).not.toMatch(/^metadata/m);
  });

  it('are named with the way out, by inspect and by sample', async () => {
    const adapter = sparseFile('adapter_model.safetensors', 3, {
      'base_model.model.layers.0.attention.qkv.lora_A.weight': {
        dtype: 'F32',
        shape: [0],
        data_offsets: [0, 0],
      },
    });
    const seen = await run(['inspect', adapter]);
    expect(seen.code).toBe(0);
    expect(seen.stdout.toString()).toMatch(/^holds: a LoRA adapter of peft/m);
    expect(seen.stdout.toString()).toMatch(/^to use it: .*merge_and_unload/m);
    const distributed = join(folder, 'dcp');
    mkdirSync(distributed);
    writeFileSync(join(distributed, '__0_0.distcp'), 'PK');
    const release = join(folder, 'release');
    await writeTinyRelease(join(release, 'pre-trained'), 7);
    for (const [file, code, hint] of [
      [adapter, 'WEIGHTS_MISMATCH', 'merge_and_unload'],
      [distributed, 'FILE_FORMAT', 'dcp_to_torch_save'],
    ] as const) {
      const drawn = await run(['sample', '--pretrained', release, '--dit', file, '--device', 'cpu', 'a fox']);
      expect(drawn.code).not.toBe(0);
      expect(drawn.stderr).toContain(`ERR_SVGT2I_${code}`);
      expect(drawn.stderr).toContain(hint);
    }
  });
});

it('a file that is cut while it is read is an error, not the end of the process', async () => {
  const file = sparseFile('cut.safetensors', 250_000_000);
  let isCut = false;
  const { code, stderr } = await run(['verify', file, '--json'], {
    watch: (_, stdout) => {
      if (isCut || !stdout.includes('"progress"')) return;
      isCut = true;
      truncateSync(file, 4096);
    },
  });
  expect(isCut).toBe(true);
  expect(code).toBe(1);
  expect(stderr).toContain('cut.safetensors was cut');
  expect(stderr).toContain('ERR_SVGT2I_IO');
});

it('a named pipe is refused by inspect, verify and convert', async () => {
  const pipe = join(folder, 'pipe.safetensors');
  execFileSync('mkfifo', [pipe]);
  for (const args of [
    ['inspect', pipe],
    ['verify', pipe],
    ['convert', pipe, join(folder, 'out.safetensors')],
  ]) {
    const { code, stderr } = await run(args);
    expect(code).toBe(1);
    expect(stderr).toContain('is a named pipe, not a regular file');
  }
});

describe('svg-t2i convert', () => {
  it('writes shards with an index, and goes on where it was', async () => {
    const args = [
      'convert',
      join(files, 'lightning.ckpt'),
      join(folder, 'shards'),
      '--max-shard-size',
      '100B',
      '--json',
    ];
    const first = jsonLines(await run(args)).at(-1) as { files: string[]; kept: number };
    expect(first).toMatchObject({ type: 'done', kept: 0 });
    expect(first.files.length).toBeGreaterThan(2);
    rmSync(first.files[0] ?? '');
    const again = jsonLines(await run(args)).at(-1) as { files: string[]; kept: number };
    expect(again.files).toEqual(first.files);
    expect(again.kept).toBeGreaterThan(0);
    for (const file of again.files) expect(existsSync(file)).toBe(true);
  });

  it('does not replace what is there unless told to', async () => {
    const out = join(folder, 'mine.safetensors');
    writeFileSync(out, 'mine');
    const args = ['convert', join(files, 'state_dict.pth'), out];
    const refused = await run(args);
    expect(refused.code).not.toBe(0);
    expect(readFileSync(out, 'utf8')).toBe('mine');
    expect((await run([...args, '--overwrite'])).code).toBe(0);
    expect((await run(['verify', out])).code).toBe(0);
  });

  it('leaves nothing behind where the disk is full', async () => {
    const { code, stderr } = await run(['convert', join(files, 'state_dict.pth'), '/dev/full']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^error: /);
  });

  it.each([
    ['--dtype', 'int4'],
    ['--max-shard-size', 'big'],
  ])('refuses %s %s', async (...flags) => {
    const { code } = await run(['convert', 'in.pth', 'out.safetensors', ...flags]);
    expect(code).toBe(2);
  });
});

describe('svg-t2i verify', () => {
  it('passes a whole file and fails the wrong hash', async () => {
    const file = join(files, 'state_dict.pth');
    expect((await run(['verify', file])).code).toBe(0);
    const wrong = await run(['verify', file, '--sha256', '0'.repeat(64), '--json']);
    expect(wrong.code).toBe(1);
    expect(jsonLines(wrong).at(-1)).toMatchObject({ type: 'done', ok: false });
  });

  it('finds the hash in a published name', async () => {
    const file = join(folder, 'dinov3-4057cbaa.pth');
    cpSync(join(files, 'state_dict.pth'), file);
    const { code, stdout } = await run(['verify', file]);
    expect(code).toBe(1);
    expect(stdout.toString()).toMatch(/^problem: .*4057cbaa/m);
  });
});

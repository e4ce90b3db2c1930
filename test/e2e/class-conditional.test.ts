// A class-conditional model from folders of pictures: trained, exported, drawn by the names of its classes.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeImage } from '../../dist/image/encode.js';
import { run } from './cli.js';
import { makeWorkshop, type Workshop } from './training.js';

const config = fileURLToPath(new URL('../../configs/test/tiny-svg.yaml', import.meta.url));
let workshop: Workshop;
let dit: string;
const inFolder = (...path: readonly string[]) => join(workshop.folder, ...path);

beforeAll(async () => {
  workshop = await makeWorkshop();
  for (const [number, name] of ['cat', 'dog', 'fox'].entries()) {
    mkdirSync(inFolder('classes', name), { recursive: true });
    for (let i = 0; i < 2; i++) {
      const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, k) => (k * (number + 2 + i)) % 256);
      const image = await encodeImage({ width: 64, height: 64, data }, { format: 'png' });
      writeFileSync(inFolder('classes', name, `${i}.png`), image);
    }
  }
  const sets = `data.sets=${JSON.stringify([{ path: inFolder('classes') }])}`;
  const frozen = `frozen.pretrained=${workshop.pretrained}`;
  const values = [sets, frozen, 'threads=1', 'steps=2'].flatMap((value) => ['--set', value]);
  const trained = await run(['train', 'dit', '--config', config, ...values, '--run', inFolder('run')]);
  expect([trained.code, trained.stderr]).toEqual([0, expect.stringContaining('step 2/2')]);
  dit = inFolder('run', 'export', 'dit-run');
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

const sample = (...args: readonly string[]) =>
  run([
    'sample',
    '--pretrained',
    workshop.pretrained,
    '--threads',
    '1',
    '--size',
    '64x64',
    '--steps',
    '2',
    ...args,
  ]);

it('draws classes by number and by name', async () => {
  const { code } = await sample('--dit', dit, '--class', '2', '--class', 'Dog', '-o', inFolder('out'));
  expect(code).toBe(0);
  expect(readdirSync(inFolder('out'))).toEqual(['0000-class2-seed0.png', '0001-class1-seed1.png']);
});

it('is told by inspect and verify', async () => {
  const file = join(dit, readdirSync(dit).find((name) => name.endsWith('.pt')) ?? '');
  const { stdout } = await run(['inspect', file, '--json']);
  expect(JSON.parse(stdout.toString())).toMatchObject({
    kind: 'svg',
    description: expect.stringContaining('class-conditional SVG of 2 blocks, width 48, 64 channels'),
  });
  expect(await run(['verify', file])).toMatchObject({ code: 0 });
});

it.each([
  [['--class', 'dgo'], 'Did you mean "dog"?'],
  [['--class', '3'], 'this model has no class 3'],
  [['a fox'], 'this model draws classes, it reads no text'],
])('%j is refused', async (asked, message) => {
  const { code, stderr } = await sample('--dit', dit, ...asked, '-o', inFolder('none.png'));
  expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining(message)]);
  expect(code).not.toBe(0);
});

it.each([
  [['a fox'], 'prompt: this model draws classes, it reads no text'],
  [['--class', '1', '--negative', 'blur'], 'negativePrompt: this model draws classes, it reads no text'],
  [['--class', '1', '--system-prompt', 'align'], 'systemPrompt: this model draws classes'],
  [['--class', '1', '--text-encoder', 'gemma'], '--text-encoder: this model draws classes'],
  [['--class', '1', '--set', 'model.offload=true'], 'model.offload: this model draws classes'],
  [['--class', '1', '--no-attention-soft-cap'], 'attention-soft-cap: this model draws classes'],
])('%j is refused before anything is loaded', async (asked, message) => {
  const spoilt = inFolder('spoilt');
  cpSync(dit, spoilt, { recursive: true });
  for (const name of readdirSync(spoilt).filter((file) => /\.(pt|pth)$/.test(file)))
    writeFileSync(join(spoilt, name), 'no weights');
  const { code, stderr } = await sample('--dit', spoilt, ...asked, '-o', inFolder('early', 'none.png'));
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(existsSync(inFolder('early', 'none.png'))).toBe(false);
});

it('a class is refused of a model whose file says that it reads text, before it is loaded', async () => {
  const text = inFolder('text');
  cpSync(dit, text, { recursive: true });
  const dimensions = { dim: 48, n_layers: 1, n_heads: 1 };
  writeFileSync(join(text, 'model_args.json'), JSON.stringify(dimensions));
  const { code, stderr } = await sample('--dit', text, '--class', '1', '-o', inFolder('none.png'));
  expect([code, stderr]).toEqual([2, expect.stringContaining('class: this model draws from text')]);
});

it('a model that reads text has no classes', async () => {
  const { stderr } = await sample('--class', '1', '-o', inFolder('none.png'));
  expect(stderr).toContain('this model draws from text');
});

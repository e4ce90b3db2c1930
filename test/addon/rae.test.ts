/** Representation autoencoders on small random weights: the original's folders, diffusers', classes, a weak model. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import { readImage, SvgT2I } from '../../dist/index.js';
import { run } from '../e2e/cli.js';
import { floatTensor, writeSafetensors } from '../unit/safetensors.js';

const golden = fileURLToPath(new URL('../golden/rae-decoder-diffusers-grid4', import.meta.url));

let base: string;
let original: string;
let diffusers: string;
let small: string;
const strong = 'DiTs/Dinov2/wReg_base/ImageNet256/DiTDH-XL/stage2_model.pt';
const weak = 'DiTs/Dinov2/wReg_base/ImageNet256/DiTDH-S/stage2_model.pt';

const dit = (depth: number) => ({
  in_channels: 64,
  input_size: 2,
  num_classes: 5,
  hidden_size: [64, 128],
  depth: [depth, 1],
  num_heads: [1, 2],
});

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'svg-rae-'));
  original = join(base, 'original');
  diffusers = join(base, 'diffusers');
  small = join(base, 'small');
  const decoder = {
    hidden_size: 64,
    decoder_hidden_size: 128,
    decoder_num_hidden_layers: 1,
    decoder_num_attention_heads: 2,
    decoder_intermediate_size: 96,
    patch_size: 16,
    grid_size: 2,
  };
  const encoder = { embed_dim: 64, depth: 1, num_heads: 1, image_size: 28, num_register_tokens: 4 };
  const files = [
    { model: 'rae', config: decoder, path: 'decoders/dinov2/wReg_base/ViTXL_n08/model.pt' },
    { model: 'dinov2', config: encoder, path: 'encoders/dinov2/wReg_base/model.safetensors' },
    { model: 'rae-dit', config: dit(2), path: strong, nesting: 'ema' },
    { model: 'rae-dit', config: dit(1), path: weak, nesting: 'ema' },
  ];
  await using engine = await Engine.create({ device: 'cpu' });
  for (const [seed, file] of files.entries()) {
    const path = join(original, file.path);
    mkdirSync(dirname(path), { recursive: true });
    await engine.run('init-weights', { ...file, path, seed, values: 'random' });
  }
  const statistics = join(original, 'stats/dinov2/wReg_base/imagenet1k');
  mkdirSync(statistics, { recursive: true });
  writeSafetensors(join(statistics, 'stat.safetensors'), {
    mean: floatTensor([64, 2, 2], 0.25),
    var: floatTensor([64, 2, 2], 4),
  });
  mkdirSync(diffusers);
  cpSync(join(golden, 'weights.safetensors'), join(diffusers, 'diffusion_pytorch_model.safetensors'));
  const { config } = JSON.parse(readFileSync(join(golden, 'case.json'), 'utf8'));
  // As published: the statistics are listed, megabytes of them.
  const table = Array.from({ length: 64 }, () =>
    Array.from({ length: 64 }, () => Array(64).fill(0.123456789)),
  );
  const text = { ...config.diffusers_config, latents_mean: table, latents_std: table };
  writeFileSync(join(diffusers, 'config.json'), JSON.stringify(text, null, 2));
  cpSync(diffusers, small, { recursive: true });
  const bare = { ...text, latents_mean: null, latents_std: null };
  writeFileSync(join(small, 'config.json'), JSON.stringify(bare));
});
afterAll(() => rmSync(base, { recursive: true }));

const load = (options: object) => SvgT2I.load({ device: 'cpu', dtype: 'fp32', ...options });

function picture(width: number, height: number) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256);
  return { width, height, data, channels: 3 as const };
}

describe.each([
  ['original', () => original],
  ['diffusers', () => diffusers],
  ['diffusers (statistics in the weights alone)', () => small],
])('the layout: %s', (_, folder) => {
  it('encodes, decodes and reconstructs pictures of any sides', async () => {
    await using pipeline = await load({ pretrained: folder(), parts: ['autoencoder'] });
    expect(pipeline.models.autoencoder).toMatchObject({ channels: 64, canEncode: true });
    for (const [width, height] of [
      [32, 32],
      [64, 32],
    ] as const) {
      const [result] = await pipeline.reconstruct([picture(width, height)]);
      expect([result?.image.width, result?.image.height]).toEqual([width, height]);
      expect(result?.psnr).toBeGreaterThan(0);
    }
  });
});

it("without the encoder's folder it tells which one it needs, and where", async () => {
  const bare = join(base, 'bare');
  for (const part of ['decoders', 'stats'])
    cpSync(join(original, part), join(bare, part), { recursive: true });
  await using pipeline = await load({ pretrained: bare, parts: ['autoencoder'] });
  expect(pipeline.models.autoencoder).toMatchObject({ canEncode: false });
  await expect(pipeline.encode([picture(32, 32)])).rejects.toMatchObject({
    code: 'ERR_SVGT2I_WEIGHTS_MISSING',
    message: `no DINOv2 ViT weights to encode with: looked for ${join(bare, 'encoders/dinov2/wReg_base')}, ${join(bare, 'dinov2-with-registers-base')}, ${join(bare, 'encoders/dinov2-with-registers-base')}`,
    hint: 'Get the folder of facebook/dinov2-with-registers-base and put it there.',
  });
  const own = join(base, 'own');
  cpSync(join(original, 'decoders/dinov2/wReg_base/ViTXL_n08/model.pt'), join(own, 'model.pt'));
  cpSync(join(original, 'stats/dinov2/wReg_base/imagenet1k/stat.safetensors'), join(own, 'stat.safetensors'));
  await using other = await load({ pretrained: own, parts: ['autoencoder'] });
  await expect(other.encode([picture(32, 32)])).rejects.toMatchObject({
    message: expect.stringContaining(
      `no weights of the encoder to encode with: looked for ${join(own, 'encoder')}, `,
    ),
    hint: 'Get the folder of the encoder that the decoder was trained on and put it there.',
  });
});

describe('the transformer', () => {
  const request = { class: 3, seed: 5, steps: 4 } as const;

  it('draws a class at the size that it was trained on, without statistics of features', async () => {
    await using pipeline = await load({ pretrained: original });
    expect(pipeline.models.dit).toMatchObject({ condition: 'class', classes: 5 });
    const { images } = await pipeline.generate(request);
    // sqrt(64 channels x 2 x 2 cells / 4096)
    expect(images[0]?.metadata).toMatchObject({
      width: 32,
      height: 32,
      shift: 0.25,
      guidanceScale: 1,
      steps: 4,
    });
    const again = await pipeline.generate(request);
    expect(again.images[0]?.data).toEqual(images[0]?.data);
    const guided = await pipeline.generate({ ...request, guidanceScale: 3 });
    expect(guided.images[0]?.data).not.toEqual(images[0]?.data);
    const inside = await pipeline.generate({
      ...request,
      guidanceScale: 3,
      guidanceFrom: 0.9995,
      guidanceUntil: 1,
    });
    expect(inside.images[0]?.data).toEqual(images[0]?.data);
  });

  it('moves away from a weaker one', async () => {
    const scale = { ...request, guidanceScale: 3 };
    await using alone = await load({ pretrained: original });
    await using pair = await load({ pretrained: original, weakDit: weak });
    const plain = await alone.generate(scale);
    const guided = await pair.generate(scale);
    expect(guided.images[0]?.data).not.toEqual(plain.images[0]?.data);
    expect(guided.images[0]?.metadata.weakDit).toBe('DiTDH-S/stage2_model.pt');
    // What the file beside it says is held against its weights too.
    const said = join(dirname(join(original, weak)), 'model_args.json');
    writeFileSync(said, JSON.stringify({ kind: 'rae-dit', num_classes: 77 }));
    await expect(load({ pretrained: original, weakDit: weak })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
      message: expect.stringContaining('77'),
    });
    rmSync(said);
    // A model is no weaker than itself.
    await using itself = await load({ pretrained: original, weakDit: strong });
    const same = await itself.generate(scale);
    const unguided = await alone.generate(request);
    expect(same.images[0]?.data).toEqual(unguided.images[0]?.data);
  });
});

it.each([
  ['decoders/dinov2/wReg_base/ViTXL_n08/model.pt', { kind: 'rae' }, 'RAE decoder, 64 channels'],
  [strong, { kind: 'rae-dit' }, '64 channels'],
  ['diffusion_pytorch_model.safetensors', { kind: 'rae' }, 'RAE autoencoder of diffusers, 64 channels'],
])('%s is told by inspect and verify', async (file, told, description) => {
  const path = join(file.startsWith('diffusion') ? diffusers : original, file);
  const { stdout } = await run(['inspect', path, '--json']);
  expect(JSON.parse(stdout.toString())).toMatchObject({
    ...told,
    description: expect.stringContaining(description),
  });
  expect(await run(['verify', path])).toMatchObject({ code: 0 });
});

describe('the command line', () => {
  const sample = (...args: readonly string[]) =>
    run(['sample', '--pretrained', original, '--dtype', 'fp32', '--device', 'cpu', '--class', '3', ...args]);
  const out = (name: string) => join(base, name);
  let expected: Uint8Array | undefined;
  beforeAll(async () => {
    await using pipeline = await load({ pretrained: original });
    const { images } = await pipeline.generate({ class: 3, steps: 4 });
    expected = images[0]?.data;
  });

  it("draws as the library does: at the model's size, with the shift of that size", async () => {
    const { code, stderr } = await sample('--steps', '4', '-o', out('one.png'));
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(await readImage(out('one.png'))).toMatchObject({ width: 32, height: 32, data: expected });
  });

  it('keeps pictures that are as asked for, and tells those of another shift', async () => {
    const again = (...args: readonly string[]) =>
      sample('--steps', '4', '-o', out('one.png'), '--skip-existing', '--on-mismatch', 'refuse', ...args);
    expect(await again()).toMatchObject({ code: 0 });
    expect(await again('--size', '32x32', '--set', 'sample.shift=0.25')).toMatchObject({ code: 0 });
    expect((await again('--set', 'sample.shift=3')).stderr).toContain('one.png (shift)');
    expect((await again('--size', '64x64')).stderr).toContain('one.png (width, height)');
  });

  it('takes the kind of the weights where their name tells none', async () => {
    const renamed = join(base, 'mine.pt');
    cpSync(join(original, strong), renamed);
    await using pipeline = await load({ pretrained: original, dit: renamed, parts: ['dit', 'autoencoder'] });
    const { images } = await pipeline.generate({ class: 3 });
    const { code, stderr } = await sample('--dit', renamed, '-o', out('renamed.png'));
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const drawn = await readImage(out('renamed.png'));
    expect(drawn).toMatchObject({ width: 32, height: 32, data: images[0]?.data });
    const kept = await sample('--dit', renamed, '-o', out('renamed.png'), '--skip-existing', '--json');
    expect([kept.code, kept.stdout.toString()]).toEqual([0, expect.not.stringContaining('"type":"image"')]);
  });

  it("leaves the model's own settings out of the configuration that it prints", async () => {
    const { stdout } = await sample('--steps', '4', '--print-config');
    expect(stdout.toString()).toContain('steps: 4');
    expect(stdout.toString()).not.toMatch(/width:|height:|shift:/);
    const sized = await sample('--size', '64x32', '--print-config');
    expect(sized.stdout.toString()).toMatch(/width: 64\n {2}height: 32/);
  });
});

// A release as SVG published its own: the files' names and keys, an autoencoder with torchvision's residual branch, a
// yaml that names no checkpoint. Told, drawn from, reconstructed with, trained on and exported.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Engine } from '../../dist/engine.js';
import { decodeImage } from '../../dist/image/decode.js';
import { encodeImage } from '../../dist/image/encode.js';
import { writeSafetensors } from '../unit/safetensors.js';
import { run } from './cli.js';

let base: string;
let release: string;
const at = (...path: readonly string[]) => join(base, ...path);
const inRelease = (...path: readonly string[]) => join(release, ...path);

const encoder = {
  embed_dim: 64,
  depth: 1,
  num_heads: 1,
  ffn_layer: 'swiglu',
  ffn_ratio: 6,
  n_storage_tokens: 4,
};
const residual = {
  kind: 'torchvision',
  embed_dim: 96,
  depth: 1,
  num_heads: 2,
  output_dim: 6,
  img_size: 64,
} as const;
const decoder = { ch: 32, ch_mult: [1, 1, 1, 1, 1], num_res_blocks: 0 };
const channels = 70;
const dit = 'checkpoints/V1-SVG-XL-7000K-256x256.pt';
const autoencoder = 'autoencoder/epoch=000040.ckpt';
const dinov3 = 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth';

const yaml = {
  ckpt_path: null,
  model: {
    target: 'ldm.models.dino_decoder.DinoDecoder',
    params: {
      embed_dim: 32,
      ddconfig: {
        double_z: true,
        z_channels: channels,
        resolution: 256,
        in_channels: 3,
        out_ch: 3,
        ...decoder,
        attn_resolutions: [16],
        dropout: 0,
      },
      dinoconfig: {
        dinov3_location: '/your_dinov3_location',
        model_name: 'dinov3_vits16plus',
        weights: `/your_path/dinov3/${dinov3}`,
      },
      extra_vit_config: { output_dim: residual.output_dim, mask_ratio: 0.1, use_outnorm: true },
    },
  },
};

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'svg-release-'));
  release = at('SVG');
  for (const name of ['checkpoints', 'autoencoder/configs']) mkdirSync(inRelease(name), { recursive: true });
  writeFileSync(inRelease('autoencoder/configs/example_svg_autoencoder_vitsp.yaml'), stringify(yaml));
  await using engine = await Engine.create({ device: 'cpu' });
  const draw = { seed: 3, values: 'random' } as const;
  const svg = { in_channels: channels, hidden_size: 48, depth: 1, num_heads: 4, num_classes: 3 };
  await engine.run('init-weights', {
    ...draw,
    model: 'svg',
    config: svg,
    path: inRelease(dit),
    nesting: 'ema',
  });
  const parts = { residual, decoder: { ...decoder, z_channels: channels } };
  await engine.run('init-weights', {
    ...draw,
    ...{ model: 'autoencoder', config: parts, path: inRelease(autoencoder), nesting: 'state_dict' },
  });
  await engine.run('init-weights', { ...draw, model: 'dinov3', config: encoder, path: inRelease(dinov3) });
  const row = (value: number) => ({
    dtype: 'F32',
    shape: [1, 1, channels],
    bytes: new Uint8Array(new Float32Array(channels).fill(value).buffer),
  });
  const statistics = { dinov3_sp_mean: row(0.1), dinov3_sp_std: row(0.9) };
  writeSafetensors(inRelease('dinov3_sp_stats.pt'), statistics);
  mkdirSync(at('pictures'));
  for (let i = 0; i < 4; i++) {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, k) => (k * (i + 2) + (k >> 6)) % 256);
    const image = await encodeImage({ width: 64, height: 64, data }, { format: 'png' });
    writeFileSync(at('pictures', `${i}.png`), image);
  }
});
afterAll(() => rmSync(base, { recursive: true }));

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...args]);
  if (code !== 0) throw new Error(`svg-t2i ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

it('is told, file by file and whole', async () => {
  expect(JSON.parse(await succeed('inspect', inRelease(dit), '--json'))).toMatchObject({ kind: 'svg' });
  const told = JSON.parse(await succeed('inspect', inRelease(autoencoder), '--json')) as object;
  expect(told).toMatchObject({
    kind: 'autoencoder',
    description: expect.stringContaining('R (with the residual branch of SVG), 70 channels'),
  });
  for (const name of [dit, autoencoder]) await succeed('verify', inRelease(name));
  // Its published name holds the hash of other numbers than these.
  expect((await run(['verify', inRelease(dinov3)])).stdout.toString()).toContain('4057cbaa');
  const { stdout } = await run(['doctor', '--pretrained', release]);
  expect(stdout.toString()).toContain('not needed: the transformer draws classes');
  for (const name of [dit, 'dinov3_sp_stats.pt', autoencoder]) expect(stdout.toString()).toContain(name);
});

it('draws a class without a text encoder', async () => {
  const size = ['--size', '64x64', '--steps', '2', '--threads', '1'];
  await succeed('sample', '--pretrained', release, '--class', '2', ...size, '-o', at('drawn.png'));
  expect(readFileSync(at('drawn.png')).length).toBeGreaterThan(0);
});

it('reconstructs pictures of the stored size and of others', async () => {
  const data = new Uint8Array(48 * 96 * 3).fill(90);
  writeFileSync(at('wide.png'), await encodeImage({ width: 96, height: 48, data }, { format: 'png' }));
  const args = ['--pretrained', release, '--device', 'cpu', '-o'];
  await succeed('reconstruct', at('pictures', '0.png'), ...args, at('square-out.png'));
  await succeed('reconstruct', at('wide.png'), ...args, at('wide-out.png'));
  expect(await decodeImage(readFileSync(at('wide-out.png')))).toMatchObject({
    width: 2 * 96 + 8, // original and reconstruction side by side
    height: 48,
  });
});

it('refuses a yaml that names the branch of SVG-T2I', async () => {
  const { extra_vit_config, ...params } = yaml.model.params;
  const named = { ...params, extra_vit_config: { ...extra_vit_config, vit_type: 'vit-rope-s' } };
  const file = { ...yaml, ckpt_path: inRelease(autoencoder), model: { ...yaml.model, params: named } };
  writeFileSync(at('rope.yaml'), stringify(file));
  const args = ['--pretrained', release, '--autoencoder', at('rope.yaml'), '-o', at('none.png')];
  const { stderr } = await run(['reconstruct', at('pictures', '0.png'), ...args]);
  expect(stderr).toContain('the residual branch is of kind "torchvision", its configuration says "rope"');
});

it('is gone on from in training, and what comes out is read again, with SVG’s names and yaml', async () => {
  const { kind, ...sizes } = residual;
  const config = {
    stage: 'autoencoder',
    steps: 2,
    threads: 1,
    batch: { global: 2, micro: 2 },
    model: { encoder, decoder, residual: { kind, ...sizes } },
    encoder: { weights: inRelease(dinov3) },
    initFrom: { path: inRelease(autoencoder) },
    maskRatio: 0.1,
    loss: { discStart: 8 },
    data: { sets: [{ path: at('pictures') }], resolution: 64, workers: 1 },
    samples: { every: 2, count: 1 },
  };
  writeFileSync(at('train.yaml'), stringify(config));
  const trained = await run(['train', 'autoencoder', '--config', at('train.yaml'), '--run', at('run')]);
  expect([trained.code, trained.stderr]).toEqual([0, expect.not.stringContaining('not used')]);
  const exported = at('run', 'export', 'autoencoder');
  const [name = ''] = readdirSync(exported).filter((entry) => entry.endsWith('.yaml'));
  const { params, target } = (
    parse(readFileSync(join(exported, name), 'utf8')) as { model: { params: object; target: string } }
  ).model;
  expect(target).toBe('ldm.models.dino_decoder.DinoDecoder');
  expect(params).toMatchObject({
    extra_vit_config: { output_dim: 6, mask_ratio: 0.1, use_outnorm: true },
    dinoconfig: { model_name: 'custom', kind: 'dinov3' },
    // What SVG's constructor wants, and its decoder goes by.
    ddconfig: { resolution: 64, attn_resolutions: [4] },
    embed_dim: 32,
    lossconfig: { target: 'ldm.modules.losses.LPIPSWithDiscriminatorDecoder', params: { disc_start: 8 } },
  });
  expect(params).not.toHaveProperty('extra_vit_config.vit_type');
  const [file = ''] = readdirSync(exported).filter((entry) => entry.endsWith('.ckpt'));
  const names = JSON.parse(await succeed('inspect', join(exported, file), '--json', '--filter', 'extra_vit'));
  expect(JSON.stringify(names)).toContain(
    'extra_vit.encoder.layers.encoder_layer_0.self_attention.in_proj_weight',
  );
  const args = ['--pretrained', release, '--autoencoder', join(exported, name), '-o', at('trained.png')];
  await succeed('reconstruct', at('pictures', '1.png'), ...args);
});

// Every kind of encoder in dimensions of its own, as the frozen part of an autoencoder: trained on, exported, reconstructed
// with, and its features normalised, cached and drawn by a transformer.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Engine } from '../../dist/engine.js';
import { run } from './cli.js';
import { ditConfig, makeWorkshop, type Workshop } from './training.js';

let workshop: Workshop;
let engine: Engine;
beforeAll(async () => {
  workshop = await makeWorkshop();
  engine = await Engine.create({ device: 'cpu' });
});
afterAll(async () => {
  await engine.dispose();
  rmSync(workshop.folder, { recursive: true });
});

const at = (...path: readonly string[]) => join(workshop.folder, ...path);
const head = { embed_dim: 64, depth: 1, num_heads: 1 };
const encoders = {
  dinov3: {
    file: 'dinov3_vit_tiny_pretrain.pth',
    model: { embed_dim: 80, depth: 2, num_heads: 2, ffn_layer: 'swiglu', ffn_ratio: 3, n_storage_tokens: 1 },
    yaml: { dinoconfig: { model_name: 'custom', weights: 'pre-trained/dinov3_vit_tiny_pretrain.pth' } },
  },
  dinov2: {
    file: 'dinov2_tiny_pretrain.pth',
    model: { kind: 'dinov2', ...head, image_size: 42, num_register_tokens: 2, ffn_layer: 'swiglu' },
    yaml: { dinoconfig: { model_name: 'custom', weights: 'pre-trained/dinov2_tiny_pretrain.pth' } },
  },
  siglip2: {
    file: 'siglip2-tiny.safetensors',
    model: { kind: 'siglip2', ...head, image_size: 48, intermediate_size: 96 },
    yaml: {
      siglipconfig: { weights: 'pre-trained/siglip2-tiny.safetensors' },
    },
  },
  mae: {
    file: 'mae_pretrain_tiny.pth',
    model: { kind: 'mae', ...head, image_size: 48 },
    yaml: { maeconfig: { weights: 'pre-trained/mae_pretrain_tiny.pth' } },
  },
} as const;

const kinds = Object.keys(encoders) as (keyof typeof encoders)[];
const residual = { output_dim: 4, embed_dim: 64, depth: 1, num_heads: 1, img_size: 64 };

/** Arguments of two steps on this encoder, its pictures of unlike shapes. */
function trainArgs(kind: keyof typeof encoders, name: string, other: Settings = {}): readonly string[] {
  const { file, model: encoder } = encoders[kind];
  const config = {
    stage: 'autoencoder',
    steps: 2,
    threads: 1,
    batch: { global: 4, micro: 2 },
    model: {
      encoder: { ...encoder, ...other.encoder },
      decoder: { ch: 32, ch_mult: [1, 1, 1, 1, 1], num_res_blocks: 1 },
      residual: other.residual ?? null,
    },
    encoder: { weights: join(workshop.pretrained, other.weights ?? file) },
    loss: { discStart: 8 },
    data: { sets: [{ path: workshop.list }], resolution: 64, aspect: 'multi', workers: 1 },
    samples: { every: 2, count: 2 },
  };
  writeFileSync(at(`${name}.yaml`), stringify(config));
  return ['train', 'autoencoder', '--config', at(`${name}.yaml`), '--run', at(name)];
}

interface Settings {
  readonly encoder?: object;
  readonly residual?: object;
  readonly weights?: string;
}

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...args]);
  if (code !== 0) throw new Error(`svg-t2i ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

const yamlIn = (...folder: readonly string[]) => {
  const name = readdirSync(at(...folder)).find((entry) => entry.endsWith('.yaml')) ?? '';
  return at(...folder, name);
};

describe.each(kinds)('%s', (kind) => {
  const { file, model, yaml } = encoders[kind];
  const weights = () => join(workshop.pretrained, file);
  beforeAll(async () => {
    await engine.run('init-weights', {
      model: kind,
      config: model,
      path: weights(),
      seed: 7,
      values: 'random',
    });
  });

  it('is told by inspect and verify', async () => {
    expect(JSON.parse(await succeed('inspect', weights(), '--json'))).toMatchObject({ kind });
    await succeed('verify', weights());
  });

  it('serves an autoencoder: trained, exported with its yaml, and reconstructed with', async () => {
    await succeed(...trainArgs(kind, `${kind}-p`));
    const written = yamlIn(`${kind}-p`, 'export', 'autoencoder');
    const { params } = (parse(readFileSync(written, 'utf8')) as { model: { params: object } }).model;
    expect(params).toMatchObject({ ...yaml, ddconfig: { z_channels: model.embed_dim } });
    const picture = at('pictures', '0.png');
    const args = ['--autoencoder', written, '--pretrained', workshop.pretrained, '--device', 'cpu'];
    await succeed('reconstruct', picture, ...args, '-o', at(`${kind}.png`));
    const checkpoint = readdirSync(at(`${kind}-p`, 'export', 'autoencoder')).find((name) =>
      name.endsWith('.ckpt'),
    );
    const told = await succeed(
      'inspect',
      at(`${kind}-p`, 'export', 'autoencoder', checkpoint ?? ''),
      '--json',
    );
    expect(JSON.parse(told)).toMatchObject({ kind: 'autoencoder' });
  });
});

it.each(kinds)('%s serves Autoencoder-R, whose latents have the branch’s channels too', async (kind) => {
  await succeed(...trainArgs(kind, `${kind}-r`, { residual }));
  const written = yamlIn(`${kind}-r`, 'export', 'autoencoder');
  expect(readFileSync(written, 'utf8')).toContain(`z_channels: ${encoders[kind].model.embed_dim + 4}`);
  const args = ['--autoencoder', written, '--pretrained', workshop.pretrained, '--device', 'cpu'];
  await succeed('reconstruct', at('pictures', '1.png'), ...args, '-o', at(`${kind}-r.png`));
});

it.each(kinds)('%s gives features that are normalised, cached and drawn, on cells of 16', async (kind) => {
  const autoencoder = yamlIn(`${kind}-p`, 'export', 'autoencoder');
  const statistics = at(`${kind}-stats.pt`);
  const config = [...ditConfig(workshop), '--set', `frozen.autoencoder=${JSON.stringify(autoencoder)}`];
  await succeed('stats', ...config, '--out', statistics);
  const withStats = [...config, '--set', `frozen.statistics=${JSON.stringify(statistics)}`];
  const features = at(`${kind}-features`);
  await succeed('cache', ...withStats, '--out', features);
  const channels = encoders[kind].model.embed_dim;
  const cached = [`data.cache=${JSON.stringify(features)}`, `model.in_channels=${channels}`, 'steps=2'];
  const sets = cached.flatMap((value) => ['--set', value]);
  await succeed('train', 'dit', ...withStats, ...sets, '--run', at(`${kind}-dit`));
  expect(readdirSync(at(`${kind}-dit`))).toContain('export');
});

it('refuses weights that the configuration does not describe, naming both', async () => {
  const refusal = async (kind: keyof typeof encoders, other: Settings) =>
    (await run([...trainArgs(kind, 'refused', other)])).stderr;
  expect(await refusal('siglip2', { weights: encoders.mae.file })).toMatch(/MAE encoder.*SigLIP2/s);
  expect(await refusal('mae', { encoder: { depth: 2 } })).toMatch(/1 blocks.*model\.encoder says.*2 blocks/s);
  expect(await refusal('mae', { encoder: { n_storage_tokens: 4 } })).toContain(
    'model.encoder.n_storage_tokens: is no key of encoder mae',
  );
  expect(await refusal('dinov2', { encoder: { num_heads: 2 } })).toContain(
    'must be 64 for each of num_heads',
  );
});

/** A folder in the release's layout with small random weights, for a first run and for tests. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { Engine, type JsonValue } from '../engine.js';
import { fileError } from '../errors.js';
import { writeSmallTextEncoder } from './small-text-encoder.js';

const autoencoder = 'svg_autoencoder';

/** Names of the published release; only sizes and values differ. */
const files = {
  dit: 'dit-tiny/consolidated.00-of-01.pth',
  autoencoder: `autoencoder/${autoencoder}-P-stage3.ckpt`,
  encoder: 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth',
  statistics: 'dinov3_s16p_layer_patchtoken_stats_dist.pt',
  textEncoder: 'gemma-2-2b',
} as const;

/**
 * Writes the parts of a release to `folder`; the same seed gives the same weights. Some megabytes, unless `dit` asks for
 * a larger transformer.
 */
export async function writeTinyRelease(
  folder: string,
  seed: number,
  dit: Readonly<Record<string, number>> = {},
): Promise<void> {
  const dir = resolve(folder);
  const texts: Readonly<Record<string, string>> = {
    [`autoencoder/${autoencoder}_P_stage3_1024.yaml`]: stringify(autoencoderYaml),
  };
  try {
    for (const sub of ['autoencoder', 'dit-tiny']) await mkdir(join(dir, sub), { recursive: true });
    for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text);
  } catch (error) {
    throw fileError(error, 'write to', dir);
  }
  await using engine = await Engine.create({ device: 'cpu' });
  const jobs: readonly { readonly [key: string]: JsonValue }[] = [
    { model: 'next_dit', config: { ...ditConfig, ...dit }, path: join(dir, files.dit) },
    { model: 'autoencoder', config: { decoder }, path: join(dir, files.autoencoder), nesting: 'state_dict' },
    { model: 'dinov3', config: encoderConfig, path: join(dir, files.encoder) },
    { model: 'statistics', config: { layers: 2, channels }, path: join(dir, files.statistics) },
  ];
  for (const [i, job] of jobs.entries()) {
    await engine.run('init-weights', { ...job, seed: seed + i, values: 'random' });
  }
  const text = { words: [], width: ditConfig.cap_feat_dim, layers: 3, seed: seed + jobs.length };
  await writeSmallTextEncoder(engine, join(dir, files.textEncoder), text);
}

/** Of a latent: the encoder's width. */
const channels = 64;

const ditConfig = {
  in_channels: channels,
  dim: 96,
  n_layers: 2,
  n_refiner_layers: 1,
  n_heads: 2,
  n_kv_heads: 1,
  multiple_of: 32,
  cap_feat_dim: 64,
};

const encoderConfig = {
  embed_dim: channels,
  depth: 2,
  num_heads: 1,
  ffn_layer: 'swiglu',
  ffn_ratio: 6,
  n_storage_tokens: 4,
};

const decoder = { z_channels: channels, ch: 32, ch_mult: [1, 1, 1, 1, 2], num_res_blocks: 1 };

const autoencoderYaml = {
  model: {
    target: 'ldm.models.dinov3_decoder_native_resolution.DinoDecoder',
    params: {
      ckpt_path: `pre-trained/${files.autoencoder}`,
      embed_dim: 32,
      ddconfig: {
        double_z: true,
        ...decoder,
        resolution: 256,
        in_channels: 3,
        out_ch: 3,
        attn_resolutions: [],
        dropout: 0,
      },
      dinoconfig: {
        dinov3_location: 'dinov3',
        model_name: 'dinov3_vits16plus',
        weights: `pre-trained/${files.encoder}`,
      },
      extra_vit_config: null,
    },
  },
};

/** A folder in the release's layout with small random weights, for a first run and for tests. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { Engine } from '../engine.js';
import { fileError } from '../errors.js';
import { makeFolder } from '../files.js';
import type { JobRequest } from '../native/jobs.js';
import { type SmallTextEncoderOptions, writeSmallTextEncoder } from './small-text-encoder.js';

const autoencoder = 'svg_autoencoder';

/** Names of the published release; only sizes and values differ. */
export const tinyReleaseFiles = {
  dit: 'dit-tiny/consolidated.00-of-01.pth',
  autoencoder: `autoencoder/${autoencoder}-P-stage3.ckpt`,
  encoder: 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth',
  statistics: 'dinov3_s16p_layer_patchtoken_stats_dist.pt',
  textEncoder: 'gemma-2-2b',
} as const;

/** Dimensions that are not the smallest, under the names of each part's configuration. */
export interface TinyReleaseSizes {
  readonly dit?: Readonly<Record<string, number>>;
  readonly encoder?: Readonly<Record<string, number>>;
  readonly decoder?: Readonly<Record<string, number | readonly number[]>>;
  readonly text?: Partial<Pick<SmallTextEncoderOptions, 'words' | 'width' | 'layers'>>;
}

/** Writes the parts of a release to `folder`, some megabytes; the same seed gives the same weights. */
export async function writeTinyRelease(
  folder: string,
  seed: number,
  sizes: TinyReleaseSizes = {},
): Promise<void> {
  const dir = resolve(folder);
  const encoder = { ...smallestEncoder, ...sizes.encoder };
  const text = { words: [], width: 64, layers: 3, ...sizes.text };
  // A latent has the encoder's channels.
  const channels = encoder.embed_dim;
  const decoder = { z_channels: channels, ...smallestDecoder, ...sizes.decoder };
  const dit = { ...smallestDit, in_channels: channels, cap_feat_dim: text.width, ...sizes.dit };
  const texts: Readonly<Record<string, string>> = {
    [`autoencoder/${autoencoder}_P_stage3_1024.yaml`]: stringify(autoencoderYaml(decoder)),
  };
  try {
    for (const sub of ['autoencoder', 'dit-tiny']) await makeFolder(join(dir, sub));
    for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text);
  } catch (error) {
    throw fileError(error, 'write to', dir);
  }
  await using engine = await Engine.create({ device: 'cpu' });
  const jobs: readonly Omit<JobRequest<'init-weights'>, 'seed' | 'values'>[] = [
    { model: 'next_dit', config: dit, path: join(dir, tinyReleaseFiles.dit) },
    {
      model: 'autoencoder',
      config: { decoder },
      path: join(dir, tinyReleaseFiles.autoencoder),
      nesting: 'state_dict',
    },
    { model: 'dinov3', config: encoder, path: join(dir, tinyReleaseFiles.encoder) },
    { model: 'statistics', config: { layers: 2, channels }, path: join(dir, tinyReleaseFiles.statistics) },
  ];
  for (const [i, job] of jobs.entries()) {
    await engine.run('init-weights', { ...job, seed: seed + i, values: 'random' });
  }
  await writeSmallTextEncoder(engine, join(dir, tinyReleaseFiles.textEncoder), {
    ...text,
    seed: seed + jobs.length,
  });
}

const smallestDit = {
  dim: 96,
  n_layers: 2,
  n_refiner_layers: 1,
  n_heads: 2,
  n_kv_heads: 1,
  multiple_of: 32,
};

const smallestEncoder = {
  embed_dim: 64,
  depth: 2,
  num_heads: 1,
  ffn_layer: 'swiglu',
  ffn_ratio: 6,
  n_storage_tokens: 4,
};

const smallestDecoder = { ch: 32, ch_mult: [1, 1, 1, 1, 2], num_res_blocks: 1 };

const autoencoderYaml = (decoder: object) => ({
  model: {
    target: 'ldm.models.dinov3_decoder_native_resolution.DinoDecoder',
    params: {
      ckpt_path: `pre-trained/${tinyReleaseFiles.autoencoder}`,
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
        weights: `pre-trained/${tinyReleaseFiles.encoder}`,
      },
      extra_vit_config: null,
    },
  },
});

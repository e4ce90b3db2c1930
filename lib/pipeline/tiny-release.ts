/** A folder in the release's layout with small random weights, for a first run and for tests. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { Engine, type JsonValue } from '../engine.js';
import { fileError } from '../errors.js';

const autoencoder = 'svg_autoencoder';

/** Names of the published release; only sizes and values differ. */
const files = {
  dit: 'dit-tiny/consolidated.00-of-01.pth',
  autoencoder: `autoencoder/${autoencoder}-P-stage3.ckpt`,
  encoder: 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth',
  statistics: 'dinov3_s16p_layer_patchtoken_stats_dist.pt',
  textEncoder: 'gemma-2-2b/model.safetensors',
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
    'gemma-2-2b/config.json': JSON.stringify(textConfig, null, 1),
    'gemma-2-2b/tokenizer.json': JSON.stringify(tokenizerJson()),
    'gemma-2-2b/tokenizer_config.json': JSON.stringify(tokenizerConfig, null, 1),
  };
  try {
    for (const sub of ['autoencoder', 'dit-tiny', 'gemma-2-2b'])
      await mkdir(join(dir, sub), { recursive: true });
    for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text);
  } catch (error) {
    throw fileError(error, 'write to', dir);
  }
  await using engine = await Engine.create({ device: 'cpu' });
  const jobs: readonly { readonly [key: string]: JsonValue }[] = [
    { model: 'next_dit', config: { ...ditConfig, ...dit }, path: join(dir, files.dit) },
    { model: 'autoencoder', config: { decoder }, path: join(dir, files.autoencoder), nesting: 'state_dict' },
    { model: 'dinov3', config: encoderConfig, path: join(dir, files.encoder) },
    { model: 'gemma2', config: textConfig, path: join(dir, files.textEncoder) },
    { model: 'statistics', config: { layers: 2, channels }, path: join(dir, files.statistics) },
  ];
  for (const [i, job] of jobs.entries()) {
    await engine.run('init-weights', { ...job, seed: seed + i, values: 'random' });
  }
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

const specialTokens = ['<pad>', '<eos>', '<bos>', '<unk>'] as const;

/** Gemma's way of writing text in small: a token for each printable ASCII character, bytes for everything else. */
const vocabulary: readonly string[] = [
  ...specialTokens,
  ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  '\u2581',
  ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)),
];

const textConfig = {
  architectures: ['Gemma2ForCausalLM'],
  model_type: 'gemma2',
  vocab_size: vocabulary.length,
  hidden_size: ditConfig.cap_feat_dim,
  intermediate_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 32,
  max_position_embeddings: 1024,
  sliding_window: 256,
  query_pre_attn_scalar: 32,
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_activation: 'gelu_pytorch_tanh',
  pad_token_id: 0,
  eos_token_id: 1,
  bos_token_id: 2,
  torch_dtype: 'float32',
  tie_word_embeddings: true,
};

const tokenizerConfig = {
  tokenizer_class: 'GemmaTokenizer',
  pad_token: '<pad>',
  eos_token: '<eos>',
  bos_token: '<bos>',
  unk_token: '<unk>',
  padding_side: 'left',
  add_bos_token: true,
  add_eos_token: false,
};

function tokenizerJson(): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<bos>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: '<bos>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<bos>', type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { '<bos>': { id: '<bos>', ids: [2], tokens: ['<bos>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

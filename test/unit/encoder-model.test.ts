import { expect, it } from 'vitest';
import { encoderChannels, encoderKind, encoderModelSchema } from '../../lib/config/encoder-model.js';
import { ENCODERS } from '../../lib/facts.js';

const issues = (given: object) =>
  (encoderModelSchema.safeParse(given).error?.issues ?? []).map(({ path, message }) =>
    [path.join('.'), message].join(' ').trim(),
  );

it('tells an encoder by its published size, or by kind and dimensions, and takes DINOv3 without either', () => {
  expect(encoderKind({ arch: 'dinov2_vitl14_reg' })).toBe('dinov2');
  expect(encoderKind({ arch: 'siglip2-so400m-patch14-384' })).toBe('siglip2');
  expect(encoderKind({ kind: 'mae' })).toBe('mae');
  expect(encoderKind({})).toBe('dinov3');
  expect(encoderChannels({ arch: 'mae_vit_huge_patch14' })).toBe(1280);
  expect(encoderChannels({ embed_dim: 96, depth: 1, num_heads: 1 })).toBe(96);
});

it('takes every published size, and today’s form of DINOv3', () => {
  for (const { presets } of Object.values(ENCODERS)) {
    for (const arch of Object.keys(presets)) expect([arch, issues({ arch })]).toEqual([arch, []]);
  }
  const own = {
    embed_dim: 32,
    depth: 1,
    num_heads: 1,
    ffn_layer: 'swiglu',
    ffn_ratio: 6,
    n_storage_tokens: 4,
  };
  expect(encoderModelSchema.parse(own)).toEqual(own);
});

it.each([
  [{ kind: 'mae' }, 'needs either arch, or embed_dim, depth and num_heads'],
  [{ kind: 'mae', arch: 'dinov2_vits14' }, 'kind is dinov2, of which arch is one'],
  [
    { kind: 'mae', embed_dim: 64, depth: 1, num_heads: 1, num_register_tokens: 4 },
    'num_register_tokens is no key of encoder mae',
  ],
  [{ kind: 'dinov2', embed_dim: 48, depth: 1, num_heads: 4 }, 'embed_dim must be 64 for each of num_heads'],
  [
    { kind: 'dinov2', embed_dim: 64, depth: 1, num_heads: 1, ffn_layer: 'swiglu64' },
    'ffn_layer is mlp or swiglu in dinov2',
  ],
  [
    { kind: 'siglip2', embed_dim: 64, depth: 1, num_heads: 1, image_size: 8 },
    'image_size must hold a patch of 16',
  ],
  [{ arch: 'dinov2_vits14', image_size: 224 }, 'has its dimensions from arch dinov2_vits14'],
])('refuses %j', (given, message) => {
  expect(issues(given).join('; ')).toContain(message);
});

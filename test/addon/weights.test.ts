/** Weight files of other tools: wrappers are taken off, strangers and quantised weights are refused. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertWeights, SvgT2I } from '../../dist/index.js';
import { tinyReleaseFiles, writeTinyRelease } from '../../dist/release/tiny-release.js';
import {
  floatTensor,
  type RawTensors,
  readSafetensors,
  renamed,
  writeSafetensors,
} from '../unit/safetensors.js';

let folder: string;
let release: string;
let expected: Uint8Array;
const parts: Record<'dit' | 'autoencoder' | 'encoder' | 'textEncoder', RawTensors> = {
  dit: {},
  autoencoder: {},
  encoder: {},
  textEncoder: {},
};

const small = { prompt: 'a red circle', width: 64, height: 32, steps: 3, guidanceScale: 3 } as const;
const grey = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).map((_, i) => (i * 7) % 256) };

const load = (options = {}) =>
  SvgT2I.load({ pretrained: release, device: 'cpu', dtype: 'fp32', threads: 1, ...options });

async function draw(options = {}) {
  await using pipeline = await load(options);
  const [image] = (await pipeline.generate(small)).images;
  return { data: image?.data, warnings: pipeline.warnings };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-weights-'));
  release = join(folder, 'pre-trained');
  await writeTinyRelease(release, 1);
  for (const part of ['dit', 'autoencoder', 'encoder'] as const) {
    const out = join(folder, `${part}.safetensors`);
    await convertWeights(join(release, tinyReleaseFiles[part]), out);
    parts[part] = readSafetensors(out);
  }
  parts.textEncoder = readSafetensors(join(release, tinyReleaseFiles.textEncoder, 'model.safetensors'));
  const { data, warnings } = await draw();
  expect(warnings).toEqual([]);
  expected = data ?? new Uint8Array();
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, tensors: RawTensors): string {
  const path = join(folder, name);
  writeSafetensors(path, tensors);
  return path;
}

/** A copy of the text encoder's folder with these weights. */
function textEncoderWith(tensors: RawTensors, config: object = {}): string {
  const copy = join(folder, 'text-encoder');
  cpSync(join(release, tinyReleaseFiles.textEncoder), copy, { recursive: true });
  const file = join(copy, 'config.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...config }));
  writeSafetensors(join(copy, 'model.safetensors'), tensors);
  return copy;
}

describe('wrappers', () => {
  it.each(['module.', '_orig_mod.', 'module._orig_mod.', 'model.', 'model.diffusion_model.'])(
    'of a transformer under %s are taken off, and told',
    async (prefix) => {
      const dit = written(
        'dit.safetensors',
        renamed(parts.dit, (name) => prefix + name),
      );
      const { data, warnings } = await draw({ dit });
      expect(data).toEqual(expected);
      expect(warnings).toEqual([expect.stringContaining('taken off')]);
    },
  );

  it('of every other part as well', async () => {
    const wrap = (tensors: RawTensors) => renamed(tensors, (name) => `module.${name}`);
    const autoencoder = written('autoencoder.safetensors', wrap(parts.autoencoder));
    const textEncoder = textEncoderWith(wrap(parts.textEncoder));
    const { data, warnings } = await draw({ autoencoder, textEncoder });
    expect(data).toEqual(expected);
    expect(warnings).toHaveLength(2);
  });

  it('of an encoder, whose features stay the same', async () => {
    const features = async (pretrained: string) => {
      await using pipeline = await load({ pretrained, parts: ['autoencoder'] });
      const [latent] = await pipeline.encode([grey]);
      return latent?.data;
    };
    const copy = join(folder, 'wrapped', 'pre-trained');
    cpSync(release, copy, { recursive: true });
    rmSync(join(copy, tinyReleaseFiles.encoder));
    writeSafetensors(
      join(copy, 'dinov3_vits16plus.safetensors'),
      renamed(parts.encoder, (name) => `_orig_mod.${name}`),
    );
    expect(await features(copy)).toEqual(await features(release));
  });

  it('of averages, which come first', async () => {
    const raw = Object.fromEntries(
      Object.entries(parts.dit).map(([name, { shape }]) => [`model.${name}`, floatTensor(shape, 0)]),
    );
    const averaged = renamed(parts.dit, (name) => `ema_model.module.${name}`);
    const dit = written('dit.safetensors', {
      ...raw,
      ...averaged,
      'ema_model.n_averaged': floatTensor([], 7),
    });
    expect((await draw({ dit })).data).toEqual(expected);
  });
});

describe('what a model does not know is refused by name', () => {
  const refusal = (options: object) =>
    load(options).then(
      (pipeline) => pipeline.dispose(),
      (error: unknown) => error,
    );
  const mismatch = (part: string) => ({
    code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
    message: expect.stringContaining(part),
    hint: expect.any(String),
  });

  it('in a transformer, scales of fp8 included', async () => {
    for (const name of [
      'foo.bar',
      'layers.0.attention.qkv.adapter',
      'layers.0.attention.qkv.scale_weight',
      'scaled_fp8',
    ]) {
      const dit = written('dit.safetensors', { ...parts.dit, [name]: floatTensor([1], 1) });
      expect(await refusal({ dit })).toMatchObject(mismatch(name));
    }
  });

  it('but for what the published files have beside', async () => {
    const { 'norm_final.weight': _, ...without } = parts.dit;
    for (const extra of [{}, { 'norm_final.weight': floatTensor([96], 1) }]) {
      expect((await draw({ dit: written('dit.safetensors', { ...without, ...extra }) })).data).toEqual(
        expected,
      );
    }
  });

  it('in an autoencoder', async () => {
    const tensors = { ...parts.autoencoder, 'decoder.conv_in.adapter': floatTensor([1], 1) };
    const autoencoder = written('autoencoder.safetensors', tensors);
    expect(await refusal({ autoencoder })).toMatchObject(mismatch('decoder.conv_in.adapter'));
  });

  it('in an encoder', async () => {
    const copy = join(folder, 'stranger', 'pre-trained');
    cpSync(release, copy, { recursive: true });
    rmSync(join(copy, tinyReleaseFiles.encoder));
    const file = join(copy, 'dinov3_vits16plus.safetensors');
    writeSafetensors(file, { ...parts.encoder, 'blocks.0.extra': floatTensor([1], 1) });
    expect(await refusal({ pretrained: copy })).toMatchObject(mismatch('blocks.0.extra'));
    writeSafetensors(file, { ...parts.encoder, reg_token: floatTensor([1], 1) });
    expect(await refusal({ pretrained: copy })).toMatchObject(mismatch("timm's names"));
  });

  it('in a text encoder, with quantization_config by its name', async () => {
    const tensors = { ...parts.textEncoder, 'model.layers.0.mlp.up_proj.weight_scale': floatTensor([1], 1) };
    expect(await refusal({ textEncoder: textEncoderWith(tensors) })).toMatchObject(mismatch('weight_scale'));
    const textEncoder = textEncoderWith(parts.textEncoder, {
      quantization_config: { quant_method: 'compressed-tensors' },
    });
    expect(await refusal({ textEncoder })).toMatchObject(mismatch('quantization_config'));
  });

  it('weights of 8-bit whole numbers in any part', async () => {
    const whole = (tensors: RawTensors): RawTensors =>
      Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) =>
          tensor.shape.length === 2
            ? [
                name,
                {
                  dtype: 'I8',
                  shape: tensor.shape,
                  bytes: tensor.bytes.subarray(0, tensor.bytes.length / 4),
                },
              ]
            : [name, tensor],
        ),
      );
    expect(await refusal({ dit: written('dit.safetensors', whole(parts.dit)) })).toMatchObject(
      mismatch('int8'),
    );
    expect(await refusal({ textEncoder: textEncoderWith(whole(parts.textEncoder)) })).toMatchObject(
      mismatch('int8'),
    );
  });

  it('absurd layers in config.json at once', async () => {
    const textEncoder = textEncoderWith(parts.textEncoder, { num_hidden_layers: 2 ** 53 });
    expect(await refusal({ textEncoder })).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_CONFIG',
      message: expect.stringContaining('num_hidden_layers'),
    });
  });
});

describe('the cap on attention scores', () => {
  const model = { in_channels: 64, cap_feat_dim: 64, dim: 96, n_layers: 2, n_heads: 2, n_kv_heads: 1 };
  // The cap of the tiny text encoder is so small that it shows.
  const capped = () => textEncoderWith(parts.textEncoder, { attn_logit_softcapping: 0.01 });

  it('is off, and on where the caller, the transformer or the release says so', async () => {
    const textEncoder = capped();
    const off = await draw({ textEncoder });
    expect(off).toEqual({ data: expected, warnings: [] });
    const on = (await draw({ textEncoder, attentionSoftCap: true })).data;
    expect(on).not.toEqual(expected);

    const args = join(release, 'dit-tiny', 'model_args.json');
    const defaults = join(release, 'defaults.yaml');
    try {
      writeFileSync(defaults, 'attentionSoftCap: true\n');
      expect((await draw({ textEncoder })).data).toEqual(on);
      expect((await draw({ textEncoder, attentionSoftCap: false })).data).toEqual(expected);
      writeFileSync(args, JSON.stringify({ ...model, n_refiner_layers: 1, attention_soft_cap: false }));
      expect((await draw({ textEncoder })).data).toEqual(expected);
      const against = await draw({ textEncoder, attentionSoftCap: true });
      expect(against.data).toEqual(on);
      expect(against.warnings).toEqual([expect.stringContaining('trained without a cap')]);
    } finally {
      rmSync(args, { force: true });
      rmSync(defaults, { force: true });
    }
  });

  it('is told with the models', async () => {
    await using off = await load();
    expect(off.models.textEncoder?.attentionSoftCap).toBe(false);
    await using on = await load({ attentionSoftCap: true, parts: ['textEncoder'] });
    expect(on.models.textEncoder?.attentionSoftCap).toBe(true);
    // The longer prompt is written with the same attention.
    expect(await on.enhancePrompt('a cat')).toBeTypeOf('string');
  });
});

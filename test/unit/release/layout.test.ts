import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelSchema } from '../../../lib/config/model.js';
import { SvgT2IError } from '../../../lib/errors.js';
import { readAutoencoderConfig } from '../../../lib/release/autoencoder-config.js';
import { findRelease, MODEL_PARTS } from '../../../lib/release/layout.js';
import { autoencoderYaml, releaseFiles, writeFiles } from '../release.js';

let base: string;
let folder: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'svg-layout-'));
  folder = join(base, 'pre-trained');
  mkdirSync(folder);
});
afterEach(() => rmSync(base, { recursive: true }));

function find(options: object = {}, parts = MODEL_PARTS) {
  return findRelease(modelSchema.parse({ pretrained: folder, ...options }), parts);
}

function refusal(options: object = {}): SvgT2IError {
  try {
    find(options);
  } catch (error) {
    if (SvgT2IError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The release without the files whose name contains one of `absent`, and with others. */
function write(absent: readonly string[] = [], others: Readonly<Record<string, string>> = {}): void {
  const kept = Object.entries(releaseFiles()).filter(([name]) => !absent.some((part) => name.includes(part)));
  writeFiles(folder, { ...Object.fromEntries(kept), ...others });
}

it('takes statistics of its own, whatever others beside it are called', () => {
  write(['stats'], { 'own_stats.pt': '' });
  writeFiles(base, { 'dinov3_s16p_layer_patchtoken_stats_dist.pt': '' });
  expect(find().statistics).toBe(join(folder, 'own_stats.pt'));
});

describe('the published layout', () => {
  it('gives the last stage of the transformer and Autoencoder-P', () => {
    write();
    const layout = find();
    expect(layout.dit).toBe(join(folder, 'dit-stage4-T274M/consolidated.00-of-01.pth'));
    expect(layout.textEncoder).toBe(join(folder, 'gemma-2-2b'));
    expect(layout.statistics).toBe(join(folder, 'dinov3_s16p_layer_patchtoken_stats_dist.pt'));
    expect(layout.autoencoder).toMatchObject({
      yaml: join(folder, 'autoencoder/svg_autoencoder_P_stage3_1024.yaml'),
      checkpoint: join(folder, 'autoencoder/svg_autoencoder-P-stage3.ckpt'),
      encoder: join(folder, 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth'),
      config: { latentChannels: 384, residual: null, statisticsLayer: -1 },
    });
    expect(layout.warnings).toEqual([]);
  });

  it('is found from the folder above too', () => {
    write();
    expect(find({ pretrained: base }).folder).toBe(folder);
  });

  it.each([
    ['autoencoder/svg_autoencoder_P_stage1_256.yaml', 'svg_autoencoder-P-stage1.ckpt'],
    ['svg_autoencoder_P_stage2_512', 'svg_autoencoder-P-stage2.ckpt'],
    ['svg-autoencoder-p-stage2-512.yaml', 'svg_autoencoder-P-stage2.ckpt'],
    ['autoencoder/svg_autoencoder-P-stage1.ckpt', 'svg_autoencoder-P-stage1.ckpt'],
  ])('takes %s as an autoencoder', (autoencoder, checkpoint) => {
    write();
    expect(find({ autoencoder }).autoencoder?.checkpoint).toBe(join(folder, 'autoencoder', checkpoint));
  });

  it('does not hold the published yaml of R against the weights of R', () => {
    write();
    const { autoencoder, warnings } = find({ autoencoder: 'svg_autoencoder_R_stage3_1024' });
    expect(autoencoder?.checkpoint).toContain('svg_autoencoder-R-stage3.ckpt');
    expect(autoencoder?.config).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('describes Autoencoder-P but names weights of R')]);
  });

  it('keeps the dimensions of a yaml of P that names weights of R', () => {
    write([], {
      'autoencoder/mixed_P_.yaml': autoencoderYaml({
        checkpoint: 'autoencoder/svg_autoencoder-R-stage3.ckpt',
      }),
    });
    expect(find({ autoencoder: 'mixed_P_' }).autoencoder?.config?.latentChannels).toBe(384);
  });

  it('prefers averaged weights unless told otherwise, and converted files to pickles', () => {
    const dit = 'dit-stage4-T274M';
    write([], {
      [`${dit}/consolidated_ema.00-of-01.pth`]: '',
      [`${dit}/consolidated.00-of-01.safetensors`]: '',
    });
    expect(find().dit).toContain('consolidated_ema.00-of-01.pth');
    expect(find({ weights: 'raw' }).dit).toContain('consolidated.00-of-01.safetensors');
  });

  it('refuses raw weights where averaged ones were asked for', () => {
    write();
    expect(refusal({ weights: 'ema' }).message).toContain('consolidated_ema.00-of-01.{safetensors,pth}');
  });

  it('takes no other stage for the one that the yaml names', () => {
    write(['P-stage3.ckpt', 'P-stage2.ckpt', '-R-']);
    expect(refusal().message).toContain('svg_autoencoder-P-stage3.ckpt');
  });

  it('finds converted weights in place of the checkpoint of the yaml', () => {
    write(['P-stage3.ckpt'], { 'autoencoder/svg_autoencoder-P-stage3.safetensors': '' });
    expect(find().autoencoder?.checkpoint).toContain('svg_autoencoder-P-stage3.safetensors');
  });

  it('takes its own files under another name, not those of a pre-trained folder beside it', () => {
    write();
    const other = join(base, 'mine');
    writeFiles(other, releaseFiles());
    const { autoencoder } = find({ pretrained: other });
    expect(autoencoder?.checkpoint).toBe(join(other, 'autoencoder/svg_autoencoder-P-stage3.ckpt'));
    expect(autoencoder?.encoder).toBe(join(other, 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth'));
  });

  it('finds a Hugging Face folder in place of the encoder of the yaml', () => {
    write(['4057cbaa'], { 'dinov3-vits16plus-pretrain-lvd1689m/model.safetensors': '' });
    expect(find().autoencoder?.encoder).toBe(join(folder, 'dinov3-vits16plus-pretrain-lvd1689m'));
  });

  it.each([
    ['dinov3_vitb16', 'dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth'],
    ['dinov3_vits16', 'dinov3_vits16_pretrain_lvd1689m-08c60483.pth'],
    ['dinov3_vith16plus', 'dinov3-vith16plus-pretrain-lvd1689m'],
    ['dinov3_vit7b16', 'dinov3_vit7b16_pretrain_lvd1689m-a955f4ea.pth'],
    ['dinov3_vitl16', 'dinov3_vit7b16_pretrain_lvd1689m-a955f4ea.pth'],
  ])('of encoders of every size takes that of the yaml, %s: %s', (name, file) => {
    const checkpoint = 'autoencoder/a.ckpt';
    const yaml = autoencoderYaml({ checkpoint }).replaceAll(/dinov3_vits16plus(\w*)/g, name);
    write(['autoencoder/'], {
      'autoencoder/a.yaml': yaml.replace(/weights: .*/, 'weights: elsewhere.pth'),
      [checkpoint]: '',
      'dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth': '',
      'dinov3_vits16_pretrain_lvd1689m-08c60483.pth': '',
      'dinov3-vith16plus-pretrain-lvd1689m/model.safetensors': '',
      'dinov3_vit7b16_ade20k_m2f_head-bf307cb1.pth': '',
      'dinov3_vit7b16_pretrain_lvd1689m-a955f4ea.pth': '',
    });
    expect(find().autoencoder?.encoder).toBe(join(folder, file));
  });

  it('needs no encoder and no transformer to decode', () => {
    write(['4057cbaa', 'dit-', 'gemma', 'stats']);
    const layout = find({}, ['autoencoder'] as never);
    expect(layout.autoencoder?.encoder).toBeUndefined();
    expect(layout.dit).toBeUndefined();
  });
});

describe('what is missing', () => {
  it('is told all at once, with the places and the fixes', () => {
    write(['stats', 'gemma', 'dit-', 'autoencoder/']);
    const error = refusal();
    expect(error.code).toBe('ERR_SVGT2I_WEIGHTS_MISSING');
    for (const part of ['text encoder', 'diffusion transformer', 'autoencoder', 'feature statistics']) {
      expect(error.message).toContain(part);
    }
    expect(error.message).toContain(join(folder, 'gemma-2-2b'));
    expect(error.message).not.toContain('\n');
    expect(error.hint?.split('\n')).toHaveLength(4);
  });

  it.each([
    [['stats'], 'feature statistics', '--statistics'],
    [['tokenizer.json'], 'gemma-2-2b/tokenizer.json', '--text-encoder'],
    [['gemma-2-2b/model.safetensors'], '*.safetensors', '--text-encoder'],
    [['P-stage3.ckpt'], 'svg_autoencoder-P-stage3.ckpt', '--autoencoder'],
  ])('without %j: %s', (absent, message, hint) => {
    write(absent);
    const error = refusal();
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it('names the folder that is not there', () => {
    const error = refusal({ pretrained: join(base, 'nowhere') });
    expect(error.message).toContain(join(base, 'nowhere'));
    expect(error.hint).toContain('--pretrained');
  });

  it('names a part that was given by path', () => {
    write();
    expect(refusal({ dit: 'dit-stage9' }).message).toContain(join(folder, 'dit-stage9'));
  });
});

describe('the yaml of an autoencoder', () => {
  it('describes the residual branch', () => {
    writeFiles(base, { 'r.yaml': autoencoderYaml({ checkpoint: 'x.ckpt', channels: 392, residual: true }) });
    expect(readAutoencoderConfig(join(base, 'r.yaml'))).toMatchObject({
      latentChannels: 392,
      residual: { output_dim: 8, align_distribution: true },
      decoder: { ch: 128, ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2 },
    });
  });

  it("describes HunyuanImage's decoder, as the original's yaml has it", () => {
    const hyconfig = `{block_out_channels: [768, 384, 192, 192, 96], out_channels: 3, z_channels: 392,
      num_res_blocks: 2, ffactor_spatial: 16, ffactor_temporal: 1, upsample_match_channel: true}`;
    const text = autoencoderYaml({ checkpoint: 'x.ckpt', residual: true }).replace(
      /ddconfig: \{[^}]*\}/,
      `ddconfig: null\n    hyconfig: ${hyconfig}`,
    );
    writeFiles(base, { 'hy.yaml': text });
    expect(readAutoencoderConfig(join(base, 'hy.yaml'))).toMatchObject({
      latentChannels: 392,
      residual: { output_dim: 8 },
      decoder: {
        kind: 'hunyuan',
        block_out_channels: [768, 384, 192, 192, 96],
        ffactor_spatial: 16,
        ffactor_temporal: 1,
        upsample_match_channel: true,
      },
    });
    writeFiles(base, {
      'both.yaml': text.replace(
        'ddconfig: null',
        'ddconfig: {z_channels: 8, ch: 32, ch_mult: [1], num_res_blocks: 1}',
      ),
    });
    expect(() => readAutoencoderConfig(join(base, 'both.yaml'))).toThrow('has both ddconfig and hyconfig');
  });

  it.each([
    ['a: [', 'bad.yaml: '],
    ['model: {params: {}}', 'model.params: needs ddconfig or hyconfig'],
    [
      'model: {params: {ddconfig: {z_channels: 8, ch: 32, ch_mult: [1], num_res_blocks: 1, tanh_out: true}}}',
      'model.params.ddconfig.tanh_out: a decoder with it cannot be read, got true',
    ],
    ['3', 'must be a mapping, got 3'],
  ])('%j is refused', (text, message) => {
    writeFiles(base, { 'bad.yaml': text });
    expect(() => readAutoencoderConfig(join(base, 'bad.yaml'))).toThrow(message);
  });
});

describe('options that mean nothing to the transformer', () => {
  const svg = { dit: 'V1-SVG-XL.pt' };
  beforeEach(() => write([], { 'V1-SVG-XL.pt': '', 'names.txt': 'cat', 'dit-x/consolidated.pth': '' }));
  const ofText = () => {
    writeFiles(folder, { 'dit-x/model_args.json': JSON.stringify({ dim: 48, n_layers: 1, n_heads: 4 }) });
    return { dit: 'dit-x' };
  };

  it.each([
    [{ textEncoder: 'gemma-2-2b' }, 'textEncoder: this model draws classes, it reads no text'],
    [{ attentionSoftCap: false }, 'attentionSoftCap: this model draws classes'],
    [{ offload: true }, 'offload: this model draws classes'],
  ])('are refused of classes: %j', (options, message) => {
    expect(refusal({ ...svg, ...options })).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
    expect(find({ ...ofText(), ...options }).dit).toBe(join(folder, 'dit-x/consolidated.pth'));
  });

  it('are refused of text: names of classes', () => {
    const classNames = 'names.txt';
    expect(find({ ...svg, classNames }).classNames).toBe(join(folder, 'names.txt'));
    expect(refusal({ ...ofText(), classNames }).message).toBe(
      'classNames: this model draws from text, it knows no classes',
    );
  });
});

it('a transformer from text may be called after a stage of training, as RAE publishes its own', () => {
  write(['dit-'], { 'stage2_512.pth': '', 'my/stage2_512.pth': '', 'rae/stage2_model.pt': '' });
  expect(() => find()).toThrow('diffusion transformer');
  expect(find({ dit: 'my/stage2_512.pth' }).textEncoder).toBe(join(folder, 'gemma-2-2b'));
  expect(find({ dit: 'rae/stage2_model.pt' }).textEncoder).toBeUndefined();
});

/** The release of SVG, the class-conditional predecessor: names alone, and its autoencoder's yaml. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { modelSchema } from '../../../lib/config/model.js';
import { checkWeights } from '../../../lib/doctor/weights.js';
import { ENCODERS } from '../../../lib/facts.js';
import { readAutoencoderConfig } from '../../../lib/release/autoencoder-config.js';
import { findRelease, MODEL_PARTS } from '../../../lib/release/layout.js';
import { autoencoderYaml, writeFiles } from '../release.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-predecessor-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const yaml = (checkpoint = 'null') => `
ckpt_path: ${checkpoint} # used for testing only
model:
  base_learning_rate: 1.0e-04
  target: ldm.models.dino_decoder.DinoDecoder
  params:
    embed_dim: 32
    ddconfig: {double_z: true, z_channels: 392, resolution: 256, in_channels: 3, out_ch: 3, ch: 128,
      ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2, attn_resolutions: [16], dropout: 0.0}
    dinoconfig:
      dinov3_location: /your_dinov3_location
      model_name: dinov3_vits16plus
      weights: /your_path/dinov3/dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth
    extra_vit_config: {output_dim: 8, mask_ratio: 0.1, use_outnorm: true}
`;
const parts = {
  'checkpoints/V1-SVG-XL-7000K-256x256.pt': '',
  'dinov3_sp_stats.pt': '',
  'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth': '',
};
const find = (options: object = {}) =>
  findRelease(modelSchema.parse({ pretrained: folder, ...options }), MODEL_PARTS);

it.each([
  ['autoencoder/configs/example_svg_autoencoder_vitsp.yaml', 'autoencoder/epoch=000040.ckpt', 'null'],
  ['autoencoder/example_svg_autoencoder_vitsp.yaml', 'autoencoder/svg.ckpt', '/logs/of/elsewhere/last.ckpt'],
  ['autoencoder/example_svg_autoencoder_vitsp.yaml', 'checkpoints/svg_autoencoder.pt', 'null'],
  ['example_svg_autoencoder_vitsp.yaml', 'svg_autoencoder.ckpt', 'svg_autoencoder.ckpt'],
  ['autoencoder/a.yaml', 'checkpoints/epoch=40.ckpt', 'vavae/logs/checkpoints/epoch=40.ckpt'],
])('is found whole: %s with %s', (config, checkpoint, written) => {
  writeFiles(folder, { ...parts, [config]: yaml(written), [checkpoint]: '' });
  const { autoencoder, dit, statistics, textEncoder } = find();
  expect({ dit, statistics, textEncoder }).toEqual({
    dit: join(folder, 'checkpoints/V1-SVG-XL-7000K-256x256.pt'),
    statistics: join(folder, 'dinov3_sp_stats.pt'),
    textEncoder: undefined,
  });
  expect(autoencoder).toMatchObject({
    yaml: join(folder, config),
    checkpoint: join(folder, checkpoint),
    encoder: join(folder, 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth'),
  });
});

it('tells which weights it takes where the yaml names none that are there', () => {
  const [config, checkpoint] = ['autoencoder/x.yaml', 'autoencoder/a.ckpt'].map((name) => join(folder, name));
  writeFiles(folder, { ...parts, 'autoencoder/x.yaml': yaml('null'), 'autoencoder/a.ckpt': '' });
  const taken = `taken is the only file that may be meant, ${checkpoint}`;
  expect(find().warnings).toEqual([`${config} names no weights; ${taken}`]);
  writeFiles(folder, { 'autoencoder/x.yaml': yaml('/logs/last.ckpt') });
  expect(find().warnings).toEqual([`${config} names /logs/last.ckpt, which is not there; ${taken}`]);
  writeFiles(folder, { 'autoencoder/x.yaml': yaml('a.ckpt') });
  expect(find().warnings).toEqual([]);
});

it('is not guessed at where several checkpoints could be meant', () => {
  const two = { 'autoencoder/a.ckpt': '', 'autoencoder/b.ckpt': '' };
  writeFiles(folder, { ...parts, 'autoencoder/x.yaml': yaml(), ...two });
  expect(() => find()).toThrow('autoencoder weights (looked for');
});

it('needs no text encoder for doctor to call it whole', () => {
  writeFiles(folder, { ...parts, 'autoencoder/x.yaml': yaml('a.ckpt'), 'autoencoder/a.ckpt': '' });
  expect(checkWeights(folder)).toMatchObject([
    { status: 'ok', detail: 'not needed: the transformer draws classes' },
    { status: 'ok' },
    { status: 'ok' },
  ]);
});

it('has a yaml whose residual branch is told by the weights, while that of SVG-T2I names its own', () => {
  mkdirSync(join(folder, 'autoencoder'));
  const read = (text: string) => {
    writeFileSync(join(folder, 'a.yaml'), text);
    return readAutoencoderConfig(join(folder, 'a.yaml')).residual;
  };
  expect(read(yaml())).toEqual({ output_dim: 8, align_distribution: true });
  const named = autoencoderYaml({ checkpoint: 'x.ckpt', channels: 392, residual: true });
  expect(read(named)).toEqual({ kind: 'rope', output_dim: 8, align_distribution: true });
  const ofSvg = named.replace('vit-rope-s', 'vit-s');
  expect(read(ofSvg)).toEqual({ kind: 'torchvision', output_dim: 8, align_distribution: true });
  expect(() => read(named.replace('vit-rope-s', 'swin-t'))).toThrow(
    /vit_type.*no residual branch that is read: known are vit-rope-s, rope-s, vit-s/,
  );
});

const encoderNames: readonly (readonly [name: string, kind: string | undefined, expected: string])[] = [
  ['custom', 'dinov2', 'dinov2'],
  ['custom', undefined, 'dinov3'],
  ['dinov2_vitb14_reg', undefined, 'dinov2'],
  ...Object.keys(ENCODERS.dinov3.presets).map((name) => [name, undefined, 'dinov3'] as const),
];

it.each(encoderNames)('an encoder called %s of kind %s is a %s', (name, kind, expected) => {
  const ofKind = kind === undefined ? '' : `\n      kind: ${kind}`;
  const text = autoencoderYaml({ checkpoint: 'x.ckpt' }).replace(
    'model_name: dinov3_vits16plus',
    `model_name: ${name}${ofKind}`,
  );
  writeFileSync(join(folder, 'a.yaml'), text);
  expect(readAutoencoderConfig(join(folder, 'a.yaml')).encoderKind).toBe(expected);
});

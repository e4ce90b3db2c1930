import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import type { NativeTensor } from '../../dist/native/binding.js';
import type {
  AutoencoderOpenRequest,
  AutoencoderStepRequest,
  TrainStepValue,
} from '../../dist/native/training-jobs.js';

const encoder = {
  embed_dim: 16,
  depth: 1,
  num_heads: 1,
  ffn_layer: 'swiglu',
  ffn_ratio: 6,
  n_storage_tokens: 2,
};
const decoder = { z_channels: 16, ch: 32, ch_mult: [1, 1, 1, 1, 1], num_res_blocks: 0 };
const residual = { output_dim: 4, embed_dim: 64, depth: 1, num_heads: 1, img_size: 64 };
const plain = { encoder, decoder };
const withResidual = { encoder, decoder: { ...decoder, z_channels: 20 }, residual };
const branchOfSvg = {
  kind: 'torchvision',
  output_dim: 4,
  embed_dim: 48,
  depth: 1,
  num_heads: 1,
  img_size: 32,
};
const withBranchOfSvg = { ...withResidual, residual: branchOfSvg };
const pixels = {
  pixel: 'l1',
  perceptualWeight: 0,
  discWeight: 0,
  discFactor: 1,
  discStart: 5000,
  discLoss: 'hinge',
  logvar: 0,
} as const;
const optimizer = { lr: 2e-3, betas: [0.5, 0.9], eps: 1e-8, weightDecay: 0, gradClip: 0 };
const adversarial = { ...pixels, discWeight: 0.5, discStart: 0 };

let folder: string;
const at = (name: string) => join(folder, name);
const STATE_FILES = ['rank-00000-of-00001.safetensors'];
const open = () => Engine.create({ device: 'cpu', threads: 1 }, { forTests: true });

/** Smooth pictures of two sizes. */
const tensors: Record<string, NativeTensor> = {};
for (let i = 0; i < 4; i++) {
  const [height, width] = i === 3 ? [48, 32] : [32, 32];
  const data = Uint8Array.from({ length: height * width * 3 }, (_, k) => {
    const [x, y] = [(k / 3) % width, k / 3 / width];
    return 128 + 100 * Math.sin((i + 1) * 0.1 * x + 0.08 * y + (k % 3));
  });
  tensors[`image.${i}`] = { dtype: 'uint8', shape: [height, width, 3], data };
}

const openTraining = (engine: Engine, options: Partial<AutoencoderOpenRequest> = {}) =>
  engine.run('train-open', {
    stage: 'autoencoder',
    model: plain,
    trainEncoder: true,
    freezeResidual: false,
    maskRatio: 0,
    latentNoise: 0,
    loss: pixels,
    optimizer,
    ema: { decay: 0, warmup: false },
    precision: 'fp32',
    seed: 5,
    losses: 'usual',
    ...options,
  });

const stepRequest = (step: number, more: Partial<AutoencoderStepRequest> = {}): AutoencoderStepRequest => ({
  lr: 2e-3,
  globalBatch: 4,
  microBatch: 4,
  draws: [0, 1, 2, 3].map((i) => step * 4 + i),
  images: Object.keys(tensors),
  ...more,
});

async function stepOf(
  engine: Engine,
  step: number,
  more: Partial<AutoencoderStepRequest> = {},
): Promise<TrainStepValue> {
  await engine.run('train-step', stepRequest(step, more), { tensors });
  const report = (await engine.run('train-report', {})).value.steps.at(-1);
  if (report === undefined) throw new Error('no step was reported');
  return report;
}

const stateFile = (name: string) => join(at(name), ...STATE_FILES);

/** A digest of the whole training state. */
async function savedIn(engine: Engine, name: string): Promise<string> {
  await engine.run('train-save', { folder: at(name) });
  return createHash('sha256')
    .update(await readFile(stateFile(name)))
    .digest('hex');
}

/** A safetensors file without one of its tensors. */
async function dropTensor(path: string, dropped: string): Promise<void> {
  const file = await readFile(path);
  const start = 8 + Number(file.readBigUInt64LE());
  type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  const header: Header = {};
  const parts: Buffer[] = [];
  let end = 0;
  for (const [name, entry] of Object.entries(JSON.parse(file.toString('utf8', 8, start)) as Header)) {
    if (name === dropped) continue;
    const part = entry.data_offsets && file.subarray(...entry.data_offsets.map((offset) => start + offset));
    header[name] = part ? { ...entry, data_offsets: [end, end + part.length] } : entry;
    if (part) parts.push(part);
    end += part?.length ?? 0;
  }
  const words = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(words.length));
  await writeFile(path, Buffer.concat([length, words, ...parts]));
}

/** Encodes and decodes the first picture. */
async function rebuilt(engine: Engine): Promise<NativeTensor | undefined> {
  const { 'image.0': image } = tensors;
  if (image === undefined) throw new Error('no picture');
  const { tensors: latents } = await engine.run('encode', {}, { tensors: { 'image.0': image } });
  return (await engine.run('decode', {}, { tensors: latents })).tensors['image.0'];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svg-train-autoencoder-'));
  await using engine = await open();
  const fresh = { values: 'initial' } as const;
  await engine.run('init-weights', {
    seed: 1,
    ...fresh,
    model: 'dinov3',
    config: encoder,
    path: at('encoder.pth'),
  });
  const file = { path: at('start.ckpt'), nesting: 'state_dict' };
  await engine.run('init-weights', {
    seed: 2,
    ...fresh,
    model: 'autoencoder',
    config: withResidual,
    ...file,
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('training of the autoencoder', () => {
  it.each<[string, Partial<AutoencoderOpenRequest>]>([
    ['with its encoder', { trainEncoder: true }],
    ['with its encoder and noise on latents', { trainEncoder: true, latentNoise: 0.1 }],
    ['in bf16', { trainEncoder: true, precision: 'bf16' }],
    ['on a frozen encoder', { trainEncoder: false, encoder: { path: '' } }],
    ['with a residual branch', { model: withResidual, trainEncoder: true, maskRatio: 0.2 }],
    ['against a discriminator', { trainEncoder: true, loss: adversarial }],
  ])('learns what it is shown, %s', async (_, options) => {
    await using engine = await open();
    const file = 'encoder' in options ? { encoder: { path: at('encoder.pth') } } : {};
    await openTraining(engine, { ...options, ...file });
    const losses: number[] = [];
    for (let step = 0; step < 25; step++) losses.push((await stepOf(engine, step)).losses.rec ?? Number.NaN);
    expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] ?? 0));
  });

  it('takes a perceptual distance and a discriminator, or neither', async () => {
    await using engine = await open();
    await openTraining(engine);
    const { losses: without } = await stepOf(engine, 0);
    expect(without).toMatchObject({ perceptual: 0, generator: 0, adaptiveWeight: 0, discriminator: 0 });
    await openTraining(engine, { loss: adversarial });
    const { losses: against } = await stepOf(engine, 0);
    expect(against.discriminator).toBeGreaterThan(0);
    expect(against.adaptiveWeight).toBeGreaterThan(0);
    expect(against.rec).toBe(without.rec);
  });

  it('gives the same step whole and in micro-batches', async () => {
    const steps: TrainStepValue[] = [];
    for (const microBatch of [4, 2, 1]) {
      await using engine = await open();
      await openTraining(engine);
      steps.push(await stepOf(engine, 0, { microBatch }));
    }
    for (const { losses, gradNorm } of steps) {
      expect((losses.nll ?? 0) / (steps[0]?.losses.nll ?? 0)).toBeCloseTo(1, 4);
      expect((gradNorm ?? 0) / (steps[0]?.gradNorm ?? 0)).toBeCloseTo(1, 3);
    }
  });

  it.each<[string, Partial<AutoencoderOpenRequest>]>([
    ['pixels', { ema: { decay: 0.9, warmup: false }, latentNoise: 0.2 }],
    [
      'a discriminator',
      {
        model: withResidual,
        loss: adversarial,
        maskRatio: 0.3,
        optimizer: { ...optimizer, gradClip: 1 },
      },
    ],
    ['bf16', { precision: 'bf16', ema: { decay: 0.5, warmup: false } }],
  ])('continues bit for bit from what it saved: %s', async (name, options) => {
    await using straight = await open();
    await openTraining(straight, options);
    for (let step = 0; step < 4; step++) await stepOf(straight, step);

    await using first = await open();
    await openTraining(first, options);
    for (let step = 0; step < 2; step++) await stepOf(first, step);
    await savedIn(first, `half ${name}`);
    await using second = await open();
    await openTraining(second, options);
    await second.run('train-restore', { folder: at(`half ${name}`), files: STATE_FILES });
    for (let step = 2; step < 4; step++) await stepOf(second, step);
    expect(await savedIn(second, `resumed ${name}`)).toBe(await savedIn(straight, `straight ${name}`));
  });

  it('keeps a frozen residual branch as it was, and in its state', async () => {
    await using engine = await open();
    const start = { path: at('start.ckpt') };
    const options = { model: withResidual, trainEncoder: false, freezeResidual: true, start };
    const { value } = await openTraining(engine, options);
    expect(value).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    await stepOf(engine, 0);
    const saved = await savedIn(engine, 'frozen');
    const { tensors: state } = await engine.run('read-tensors', { path: stateFile('frozen') });
    const { tensors: given } = await engine.run('read-tensors', { path: at('start.ckpt') });
    const name = 'extra_vit.blocks.0.attn.qkv.weight';
    expect(state[`frozen.${name}`]).toEqual(given[name]);
    expect(state[`generator.${name}`]).toBeUndefined();
    expect(state['generator.decoder.conv_in.weight']).not.toEqual(given['decoder.conv_in.weight']);
    await openTraining(engine, options);
    await engine.run('train-restore', { folder: at('frozen'), files: STATE_FILES });
    expect(await savedIn(engine, 'frozen again')).toBe(saved);
  });

  it('goes on with the encoder that its start was trained with, not with the file’s', async () => {
    await using engine = await open();
    const start = { path: at('start.ckpt') };
    const file = { path: at('encoder.pth') };
    const remark = `${start.path}: the encoder in it was trained, so that ${file.path} is not used`;
    for (const trainEncoder of [false, true]) {
      const options = { model: withResidual, trainEncoder };
      const { value: both } = await openTraining(engine, { ...options, start, encoder: file });
      expect(both).toMatchObject({ missing: [], unexpected: [], mismatched: [], remarks: [remark] });
      const { losses } = await stepOf(engine, 0);
      await savedIn(engine, `own ${trainEncoder}`);
      const { value: alone } = await openTraining(engine, { ...options, start });
      expect(alone.remarks).toEqual([]);
      expect((await stepOf(engine, 0)).losses).toEqual(losses);
    }
    // A frozen one is not in the state: it must be there again.
    const restored = { folder: at('own false'), files: STATE_FILES };
    await openTraining(engine, { model: withResidual, trainEncoder: false, encoder: file });
    await expect(engine.run('train-restore', restored)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
      message: expect.stringContaining('began with the encoder of the weights in initFrom'),
    });
    await openTraining(engine, { model: withResidual, trainEncoder: false, encoder: file, start });
    await engine.run('train-restore', restored);
  });

  it('goes on with the file’s encoder in a run of a version that went by it', async () => {
    await using engine = await open();
    const options = { model: withResidual, trainEncoder: false, encoder: { path: at('encoder.pth') } };
    const both = { ...options, start: { path: at('start.ckpt') } };
    await openTraining(engine, both);
    await stepOf(engine, 0);
    await savedIn(engine, 'older');
    await dropTensor(stateFile('older'), 'frozen.encoder.own');
    const { tensors: file } = await engine.run('read-tensors', { path: at('encoder.pth') });
    const exported = async () => {
      await engine.run('train-export', { path: at('older.safetensors'), weights: 'raw', dtype: 'fp32' });
      return (await engine.run('read-tensors', { path: at('older.safetensors') })).tensors;
    };
    const name = 'blocks.0.attn.proj.weight';
    expect((await exported())[`encoder.${name}`]).not.toEqual(file[name]);
    await openTraining(engine, both);
    await engine.run('train-restore', { folder: at('older'), files: STATE_FILES });
    expect((await exported())[`encoder.${name}`]).toEqual(file[name]);
    // What it saves from now on is that of a run with a file.
    await savedIn(engine, 'older again');
    await openTraining(engine, options);
    await engine.run('train-restore', { folder: at('older again'), files: STATE_FILES });
  });

  it('takes the file’s encoder where its start holds another than the run describes', async () => {
    await using engine = await open();
    const config = { ...encoder, depth: 2 };
    const path = at('deeper.pth');
    await engine.run('init-weights', { model: 'dinov3', config, path, seed: 3, values: 'initial' });
    const model = { ...withResidual, encoder: config };
    const options = { model, trainEncoder: false, encoder: { path } };
    const { value } = await openTraining(engine, { ...options, start: { path: at('start.ckpt') } });
    expect(value).toMatchObject({
      missing: [],
      unexpected: [],
      remarks: [expect.stringContaining(`is not what model.encoder describes: that of ${path} is used`)],
    });
  });

  it.each([
    ['P', plain],
    ['R', withResidual],
    ['R', withBranchOfSvg],
  ])('publishes and exports an Autoencoder-%s that rebuilds alike', async (kind, model) => {
    await using engine = await open();
    await openTraining(engine, { model, ema: { decay: 0.5, warmup: false } });
    await stepOf(engine, 0);
    await engine.run('train-publish', { weights: 'ema', dtype: 'fp32' });
    const published = await rebuilt(engine);
    const path = at(`svg_autoencoder-${kind}-test.ckpt`);
    await engine.run('train-export', { path, weights: 'ema', dtype: 'fp32', nesting: 'state_dict' });
    await using other = await open();
    const loaded = await other.run('load', {
      dtype: 'fp32',
      offload: false,
      autoencoder: { checkpoint: path },
    });
    expect(loaded.value).toMatchObject({ autoencoder: { kind, canEncode: true } });
    expect(await rebuilt(other)).toEqual(published);
  });

  it('trains every weight of the branch of SVG, on pictures of other sizes too, under torchvision’s names', async () => {
    await using engine = await open();
    await openTraining(engine, { model: withBranchOfSvg });
    const branch = async (name: string) => {
      const path = at(`${name}.safetensors`);
      await engine.run('train-export', { path, weights: 'raw', dtype: 'fp32' });
      const { tensors: all } = await engine.run('read-tensors', { path });
      return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith('extra_vit.')));
    };
    const before = await branch('before-steps');
    for (let step = 0; step < 3; step++) await stepOf(engine, step);
    const after = await branch('after-steps');
    const layer = 'extra_vit.encoder.layers.encoder_layer_0';
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(Object.keys(before).sort()).toEqual(
      [
        ...['class_token', 'conv_proj.bias', 'conv_proj.weight', 'encoder.pos_embedding'].map(
          (name) => `extra_vit.${name}`,
        ),
        ...['ln_1', 'ln_2', 'mlp.0', 'mlp.3', 'self_attention.out_proj'].flatMap((name) => [
          `${layer}.${name}.bias`,
          `${layer}.${name}.weight`,
        ]),
        `${layer}.self_attention.in_proj_bias`,
        `${layer}.self_attention.in_proj_weight`,
        ...['encoder.ln', 'heads.0', 'heads.2'].flatMap((name) => [
          `extra_vit.${name}.bias`,
          `extra_vit.${name}.weight`,
        ]),
      ].sort(),
    );
    for (const [name, tensor] of Object.entries(before)) {
      expect([name, after[name]]).not.toEqual([name, tensor]);
    }
  });

  it('tells which weights of a start fit', async () => {
    await using engine = await open();
    const start = { path: at('start.ckpt') };
    const { value } = await openTraining(engine, { start, model: plain });
    expect(value.mismatched).toEqual([
      { name: 'decoder.conv_in.weight', found: [32, 20, 3, 3], wanted: [32, 16, 3, 3] },
    ]);
    expect(value.unexpected.every((name) => name.startsWith('extra_vit.'))).toBe(true);
    expect(value.missing).toEqual([]);
  });

  it('changes nothing in a step that is no number, generator and discriminator alike', async () => {
    await using engine = await open();
    await openTraining(engine, {
      loss: { ...adversarial, logvar: -800 },
      ema: { decay: 0.9, warmup: false },
    });
    const before = await savedIn(engine, 'before');
    const { applied } = await stepOf(engine, 0, { microBatch: 2 });
    expect(applied).toBe(false);
    expect(await savedIn(engine, 'after')).toBe(before);
  });

  it('changes nothing in a step that fails', async () => {
    await using engine = await open();
    await openTraining(engine, { loss: adversarial });
    const before = await savedIn(engine, 'before failing');
    const images = ['image.0', 'image.1', 'image.2', 'image.9'];
    const request = stepRequest(0, { images, microBatch: 2 });
    await expect(engine.run('train-step', request, { tensors })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('image.9'),
    });
    expect(await savedIn(engine, 'after failing')).toBe(before);
  });

  it('needs weights for what is frozen', async () => {
    await using engine = await open();
    await expect(openTraining(engine, { trainEncoder: false })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
      message: expect.stringContaining('patch_embed'),
    });
  });
});

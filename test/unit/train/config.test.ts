import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { printConfig } from '../../../lib/config/load.js';
import {
  checkWorldSize,
  commonValues,
  decisiveValues,
  loadTrainingConfig,
  trainingConfigHash,
} from '../../../lib/config/train.js';
import { autoencoderTrainingSchema, latentChannels } from '../../../lib/config/train-autoencoder.js';
import { ditTrainingSchema } from '../../../lib/config/train-dit.js';
import { validate } from '../../../lib/config/validate.js';

const dit = {
  steps: 10,
  batch: { global: 4 },
  model: { preset: '2B' },
  data: { sets: [{ path: 'a.jsonl' }], resolution: 256 },
};
const autoencoder = {
  steps: 10,
  batch: { global: 4 },
  encoder: { weights: 'dino.pth' },
  data: { sets: [{ path: 'a' }], resolution: 256 },
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-train-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const configs = fileURLToPath(new URL('../../../configs/', import.meta.url));
const published = (['dit', 'autoencoder'] as const).flatMap((stage) =>
  readdirSync(configs + stage)
    .filter((name) => name !== 'base.yaml')
    .map((name) => [stage, name] as const),
);

describe('published configurations', () => {
  it.each(published)('configs/%s/%s is valid, and its printout means the same', async (stage, name) => {
    const config = await loadTrainingConfig(stage, { file: `${configs}${stage}/${name}` });
    expect(config.stage).toBe(stage);
    const printed = file('printed.yaml', printConfig(config));
    expect(await loadTrainingConfig(stage, { file: printed })).toEqual(config);
  });

  it('have the values of the papers', async () => {
    const load = (stage: 'dit' | 'autoencoder', name: string) =>
      loadTrainingConfig(stage, { file: `${configs}${stage}/${name}.yaml` });
    expect(await load('dit', 'dit_stage1_256')).toMatchObject({
      steps: 91000,
      batch: { global: 1536 },
      optimizer: { lr: 2e-4, betas: [0.9, 0.95], eps: 1e-15, gradClip: 2 },
      schedule: { kind: 'constant', warmupSteps: 0 },
      model: { dim: 2304, n_layers: 26, n_heads: 24, n_kv_heads: 8, in_channels: 384, cap_feat_dim: 2304 },
      captions: { dropout: 0.1, maxTokens: 256 },
      ema: { decay: 0.95, warmup: false },
    });
    const residual = await load('autoencoder', 'svg_autoencoder_R_stage3_1024');
    expect(residual).toMatchObject({
      optimizer: { betas: [0.5, 0.9] },
      loss: { discStart: 5000, discLoss: 'hinge' },
    });
    if (residual.stage === 'autoencoder') expect(latentChannels(residual.model)).toBe(392);
  });
});

describe('a DiT configuration', () => {
  it.each([
    [{ data: { ...dit.data, resolutoin: 1 } }, 'unknown key "data.resolutoin", did you mean "resolution"?'],
    [{ model: { preset: '2B', n_layer: 3 } }, 'unknown key "model.n_layer", did you mean "n_layers"?'],
    [
      { data: { resolution: 64, sets: [{ path: 'x', system_prompt: '' }] } },
      'unknown key "data.sets.0.system_prompt", did you mean "systemPrompt"?',
    ],
    [{ init_from: 'x' }, 'unknown key "init_from", did you mean "initFrom"?'],
    [{ data: { ...dit.data, resolution: 0 } }, 'data.resolution: must be at least 1, got 0'],
    [{ data: { ...dit.data, sets: [] } }, 'data.sets: needs at least 1 of them'],
    [{ data: { ...dit.data, cache: 'c', flip: 0.5 } }, 'data.flip: must be 0 with data.cache'],
    [{ batch: { global: 0 } }, 'batch.global: must be at least 1, got 0'],
    [{ batch: { global: 4, micro: 8 } }, 'batch.micro: must be at most batch.global (4), got 8'],
    [{ steps: undefined }, 'steps: give either steps or epochs'],
    [{ epochs: 2 }, 'steps: give either steps or epochs'],
    [{ schedule: { warmupSteps: 11 } }, 'schedule.warmupSteps: must be at most the steps of the run (10)'],
    [{ model: { dim: 64 } }, 'model: needs a preset, or dim, n_layers and n_heads'],
    [{ model: { dim: 65, n_layers: 1, n_heads: 2 } }, 'model.dim: must be a multiple of n_heads (2), got 65'],
    [
      { model: { preset: '2B', axes_lens: [100, 64, 64] } },
      'captions.maxTokens: must be below axes_lens[0] (100)',
    ],
    [{ time: { low: 0.5, high: 0.5 } }, 'time.low: must be below time.high'],
    [{ captions: { dropout: 1.5 } }, 'captions.dropout: must be at most 1'],
    [{ optimizer: { betas: [0.9] } }, 'optimizer.betas: needs at least 2 of them'],
    [{ samples: { steps: 1 } }, 'samples.steps: must be at least the order of dpm++ (2), got 1'],
    [{ samples: { solver: 'euler', steps: 1 } }, 'samples.steps: must be at least 2 for euler'],
    [{ samples: { width: 0 } }, 'samples.width: must be at least 1, got 0'],
    [{ ema: { decay: 1 } }, 'ema.decay: must be below 1'],
    [{ parallel: { mode: 'fsdp' } }, 'parallel.mode: must be one of ddp, sdp, got "fsdp"'],
    [{ device: 'gpu' }, 'device: must be auto, cpu, cuda or cuda:N'],
  ])('%j is refused: %s', (change, message) => {
    expect(() => validate(ditTrainingSchema, { ...dit, ...change })).toThrow(message);
  });

  const svg = { ...dit, model: { kind: 'svg', preset: 'B' } };
  const noText = 'means nothing to model.kind svg, which reads no text';
  it.each([
    [{ captions: { maxTokens: 128 } }, `captions.maxTokens: ${noText}, got 128`],
    [{ frozen: { textEncoder: 'gemma' } }, `frozen.textEncoder: ${noText}`],
    [{ frozen: { offload: true } }, `frozen.offload: ${noText}`],
    [{ samples: { prompts: ['a fox'] } }, `samples.prompts: ${noText}`],
    [{ samples: { systemPrompt: 'align' } }, `samples.systemPrompt: ${noText}`],
    [
      { data: { ...dit.data, sets: [{ path: 'x' }, { path: 'y', prompt: 'a {class}' }] } },
      `data.sets.1.prompt: ${noText}`,
    ],
    [
      { data: { ...dit.data, sets: [{ path: 'x', systemPrompt: 'base' }] } },
      `data.sets.0.systemPrompt: ${noText}`,
    ],
  ])('of a class-conditional model refuses %j', (change, message) => {
    expect(() => validate(ditTrainingSchema, { ...svg, ...change })).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        hint: expect.stringContaining('Leave it out'),
      }),
    );
  });

  it('of a model that draws from text refuses what is of classes', () => {
    const given = { ...dit, samples: { classes: [1, 2] } };
    expect(() => validate(ditTrainingSchema, given)).toThrow(
      'samples.classes: means nothing to a model that draws from text',
    );
    expect(validate(ditTrainingSchema, { ...svg, samples: { classes: [1, 2] } }).samples.classes).toEqual([
      1, 2,
    ]);
  });

  it('takes a preset, and values over it', () => {
    const { model } = validate(ditTrainingSchema, { ...dit, model: { preset: '0.8B', n_layers: 3 } });
    expect(model).toMatchObject({ dim: 1152, n_layers: 3, n_heads: 16, n_kv_heads: 8 });
    expect(model).not.toHaveProperty('preset');
  });
});

describe('an autoencoder configuration', () => {
  it.each([
    [{ loss: { discStart: -1 } }, 'loss.discStart: must be at least 0, got -1'],
    [{ encoder: {} }, 'encoder.weights: needed, unless encoder.train or initFrom is given'],
    [{ model: { encoder: {} } }, 'model.encoder: needs either arch, or embed_dim, depth and num_heads'],
    [{ model: { decoder: { ch_mult: [] } } }, 'model.decoder.ch_mult: needs at least 1'],
    [
      {
        model: { decoder: { ch_mult: [1, 2, 2, 4, 4, 4, 4] } },
        data: { ...autoencoder.data, resolution: 96 },
      },
      'data.resolution: must be a multiple of 64, got 96',
    ],
    [
      { model: { decoder: { ch_mult: [1, 2, 4] }, residual: {} } },
      "model.residual: its patches are 16 pixels a side, and the decoder's cells 4",
    ],
    [
      { model: { decoder: { kind: 'hunyuan', ch: 128 } } },
      'model.decoder.ch: is no key of decoder hunyuan, got 128',
    ],
    [{ model: { decoder: { kind: 'hy' } } }, 'model.decoder.kind: must be one of conv, hunyuan, got "hy"'],
    [
      { model: { decoder: { kind: 'hunyuan', block_out_channels: [64, 32, 48, 32, 32] } } },
      'model.decoder.block_out_channels.2: must be a multiple of 32, got 48',
    ],
    [
      { model: { decoder: { kind: 'hunyuan', ffactor_spatial: 12 } } },
      'model.decoder.ffactor_spatial: must be 2, 4, 8, 16 or 32',
    ],
    [{ activationCheckpointing: true }, 'unknown key "activationCheckpointing"'],
    [{ maskRatio: 0.1 }, 'maskRatio: must be 0 without model.residual'],
    [{ freezeResidual: true, model: { residual: {} } }, 'freezeResidual: needs model.residual, and initFrom'],
    [
      { model: { residual: { output_dims: 8 } } },
      'unknown key "model.residual.output_dims", did you mean "output_dim"?',
    ],
    [{ data: { ...autoencoder.data, cache: 'x' } }, 'unknown key "data.cache"'],
  ])('%j is refused: %s', (change, message) => {
    expect(() => validate(autoencoderTrainingSchema, { ...autoencoder, ...change })).toThrow(message);
  });
});

it('fills in the decoder that a configuration names', () => {
  const decoderOf = (decoder: object) =>
    validate(autoencoderTrainingSchema, { ...autoencoder, model: { decoder } }).model.decoder;
  expect(decoderOf({})).toEqual({ ch: 128, ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2 });
  const published = { block_out_channels: [768, 384, 192, 192, 96], num_res_blocks: 2 };
  const hunyuan = { kind: 'hunyuan', ...published, ffactor_spatial: 16, upsample_match_channel: true };
  expect(decoderOf({ kind: 'hunyuan' })).toEqual(hunyuan);
  expect(decoderOf(hunyuan)).toEqual(hunyuan);
});

it('fills in the residual branch that a configuration names', () => {
  const residualOf = (residual: object) =>
    validate(autoencoderTrainingSchema, { ...autoencoder, model: { residual } }).model.residual;
  // Word for word as before there was a second kind, since runs are known again by it.
  expect(JSON.stringify(residualOf({}))).toBe(
    '{"output_dim":8,"embed_dim":384,"depth":12,"num_heads":6,"img_size":1024,"align_distribution":true}',
  );
  expect(residualOf({ kind: 'rope', depth: 2 })).toEqual({ ...residualOf({}), depth: 2 });
  const svg = { kind: 'torchvision', output_dim: 8, embed_dim: 384, depth: 6, num_heads: 8, img_size: 256 };
  expect(residualOf({ kind: 'torchvision' })).toEqual({ ...svg, align_distribution: true });
  expect(() => residualOf({ kind: 'torchvision', num_heads: 6 })).toThrow(
    'model.residual.embed_dim: must be 48 for each of num_heads',
  );
  expect(() => residualOf({ kind: 'vit' })).toThrow('must be one of rope, torchvision, got "vit"');
});

describe('loading', () => {
  it('refuses a file of the other stage in one line', async () => {
    const path = file('other.yaml', 'stage: dit\nsteps: 1\n');
    await expect(loadTrainingConfig('autoencoder', { file: path })).rejects.toMatchObject({
      message: `${path} is for stage dit, not autoencoder`,
      hint: 'Use it with svg-t2i train dit.',
    });
  });

  it('means paths of a file from the file, and those of --set from here', async () => {
    const path = file('paths.yaml', printConfig({ ...dit, frozen: { pretrained: 'weights' } }));
    const config = await loadTrainingConfig('dit', { file: path, set: ['data.cache=features'] });
    expect(config).toMatchObject({
      frozen: { pretrained: join(folder, 'weights') },
      data: { sets: [{ path: join(folder, 'a.jsonl') }], cache: join(process.cwd(), 'features') },
    });
    const other = await loadTrainingConfig('dit', {
      file: path,
      environment: { SVG_T2I_PRETRAINED: '/env' },
    });
    expect(other).toMatchObject({ frozen: { pretrained: '/env' } });
  });
});

describe('the hash', () => {
  const config = validate(ditTrainingSchema, dit);

  it('ignores how a run is carried out and sees what it computes', () => {
    const same = validate(ditTrainingSchema, { ...dit, device: 'cpu', logEvery: 1, steps: 99, run: 'x' });
    const other = validate(ditTrainingSchema, { ...dit, seed: 1 });
    expect(trainingConfigHash(same)).toBe(trainingConfigHash(config));
    expect(trainingConfigHash(other)).not.toBe(trainingConfigHash(config));
  });

  it('is of fewer values than those that processes must share', () => {
    const place = validate(ditTrainingSchema, { ...dit, device: 'cpu', threads: 1, run: 'x' });
    expect(commonValues(place)).toBe(commonValues(config));
    const other = validate(ditTrainingSchema, { ...dit, samples: { every: 7 } });
    expect(commonValues(other)).toContain('\nsamples.every: 7\n');
    expect(commonValues(config)).not.toContain('\nsamples.every: 7\n');
  });

  it('is the same after printing', () => {
    const again = validate(ditTrainingSchema, parse(printConfig(config)));
    expect([...decisiveValues(again)]).toEqual([...decisiveValues(config)]);
  });
});

it('a batch must be divisible by the number of processes', () => {
  const config = validate(ditTrainingSchema, { ...dit, batch: { global: 6 } });
  checkWorldSize(config, 3);
  expect(() => checkWorldSize(config, 4)).toThrow('6 pictures cannot be shared equally by 4 processes');
});

describe('a class-conditional configuration', () => {
  const svg = (model: object, rest: object = {}) =>
    validate(ditTrainingSchema, {
      model: { kind: 'svg', ...model },
      data: { sets: [{ path: 'pictures' }], resolution: 256 },
      steps: 1,
      batch: { global: 2 },
      ...rest,
    });

  it('has the published sizes, and the shift that SVG was trained with', () => {
    const { model, time } = svg({ preset: 'XL' }, { time: { kind: 'uniform', shift: 0.4 } });
    expect(model).toMatchObject({
      hidden_size: 1152,
      depth: 28,
      num_heads: 16,
      head_dim: 72,
      in_channels: 392,
    });
    expect(time).toMatchObject({ kind: 'uniform', shift: 0.4 });
    expect(svg({ preset: 'B', depth: 6 }).model).toMatchObject({ hidden_size: 768, depth: 6 });
  });

  it.each([
    [{ preset: 'XXL' }, 'model.preset'],
    [{ hidden_size: 48 }, 'needs a preset, or hidden_size, depth and num_heads'],
    [{ hidden_size: 48, depth: 1, num_heads: 5 }, 'must be a multiple of num_heads (5)'],
    [{ preset: 'B', patch_size: 2 }, 'model.patch_size'],
    [{ preset: 'B', n_layers: 2 }, 'unknown key "model.n_layers"'],
    [{ kind: 'dit', preset: 'B' }, 'model.kind'],
  ])('%j is refused', (model, message) => {
    expect(() => svg(model)).toThrow(message);
  });
});

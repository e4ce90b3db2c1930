import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import type { NativeTensor } from '../../dist/native/binding.js';
import type { JobRequest } from '../../dist/native/jobs.js';
import type { DitOpenRequest, DitStepRequest, TrainStepValue } from '../../dist/native/training-jobs.js';

const channels = 8;
const captionDim = 16;
const batch = 4;
const samples = 12;
const model = {
  in_channels: channels,
  dim: 32,
  n_layers: 2,
  n_refiner_layers: 1,
  n_heads: 2,
  n_kv_heads: 1,
  multiple_of: 16,
  cap_feat_dim: captionDim,
  axes_dims: [4, 6, 6],
};
const textConfig = {
  model_type: 'gemma2',
  vocab_size: 40,
  hidden_size: captionDim,
  intermediate_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 8,
  sliding_window: 16,
  query_pre_attn_scalar: 8,
};
const optimizer = { lr: 1e-3, betas: [0.9, 0.95], eps: 1e-15, weightDecay: 0, gradClip: 2 };

let folder: string;
const at = (name: string) => join(folder, name);
const STATE_FILES = ['rank-00000-of-00001.safetensors'];

const keepAll = { mode: 'off', pictures: batch, rows: 2, columns: 3, tokens: 4 } as const;

/** What every step has. */
const common = {
  lr: 1e-3,
  globalBatch: batch,
  captionDropout: 0.3,
  time: { kind: 'lognormal', mean: 0, low: 0, high: 1, shiftTokens: 6, shift: 1 },
} as const;
const lossOf = ({ losses }: TrainStepValue) => losses.loss ?? Number.NaN;

function images(count: number): Record<string, NativeTensor> {
  const tensors: Record<string, NativeTensor> = {};
  for (let i = 0; i < count; i++) {
    const data = Uint8Array.from({ length: 32 * 48 * 3 }, (_, k) => (k * (i + 3)) % 256);
    tensors[`image.${i}`] = { dtype: 'uint8', shape: [32, 48, 3], data };
    const ids = BigInt64Array.from({ length: 2 + (i % 3) }, (_, k) => BigInt((i + k) % 40));
    tensors[`tokens.${i}`] = { dtype: 'int64', shape: [ids.length], data: ids };
  }
  return tensors;
}

async function openEngine(): Promise<Engine> {
  const engine = await Engine.create({ device: 'cpu', threads: 1 }, { forTests: true });
  await engine.run('load', {
    dtype: 'fp32',
    offload: false,
    statistics: { path: at('stats.pt'), layer: -1 },
    autoencoder: { checkpoint: at('ae.ckpt'), encoder: at('encoder.pth') },
    textEncoder: { path: at('gemma'), attentionSoftCap: false },
  });
  return engine;
}

const openTraining = (engine: Engine, options: Partial<DitOpenRequest> = {}) =>
  engine.run('train-open', {
    stage: 'dit',
    model,
    optimizer,
    ema: { decay: 0.9, warmup: false },
    precision: 'fp32',
    activationCheckpointing: keepAll,
    seed: 5,
    losses: 'flow-matching',
    cache: [at('shard.safetensors'), at('empty.safetensors')],
    ...options,
  });

/** Step `step` on cached samples, in two micro-batches unless told otherwise. */
async function stepOf(engine: Engine, step: number, microBatches = 2): Promise<TrainStepValue> {
  const draws = Array.from({ length: batch }, (_, i) => step * batch + i);
  const items = draws.map((draw) => ({ draw, shard: 0, row: draw % samples }));
  const size = batch / microBatches;
  const micro = Array.from({ length: microBatches }, (_, m) => items.slice(m * size, (m + 1) * size));
  await engine.run('train-step', { ...common, drop: { shard: 1, row: 0 }, micro });
  return lastOf((await engine.run('train-report', {})).value.steps);
}

function lastOf(steps: readonly TrainStepValue[]): TrainStepValue {
  const last = steps.at(-1);
  if (last === undefined) throw new Error('no step was reported');
  return last;
}

async function readState(engine: Engine, name: string): Promise<Record<string, NativeTensor>> {
  return (await engine.run('read-tensors', { path: at(`${name}/rank-00000-of-00001.safetensors`) })).tensors;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svg-train-'));
  await using engine = await Engine.create({ device: 'cpu', threads: 1 }, { forTests: true });
  const encoder = { embed_dim: channels, depth: 1, num_heads: 1, ffn_layer: 'swiglu', ffn_ratio: 6 };
  const decoder = { z_channels: channels, ch: 32, ch_mult: [1, 1, 1, 1, 1], num_res_blocks: 1 };
  const write = (
    job: Omit<JobRequest<'init-weights'>, 'seed' | 'values'>,
    values: 'initial' | 'random' = 'initial',
  ) => engine.run('init-weights', { seed: 1, values, ...job });
  await write({ model: 'dinov3', config: encoder, path: at('encoder.pth') });
  await write({ model: 'autoencoder', config: { decoder }, path: at('ae.ckpt'), nesting: 'state_dict' });
  await write({ model: 'gemma2', config: textConfig, path: at('gemma/model.safetensors') }, 'random');
  await writeFile(at('gemma/config.json'), JSON.stringify(textConfig));
  await write({ model: 'statistics', config: { layers: 1, channels }, path: at('stats.pt') });

  await using loaded = await openEngine();
  const tensors = images(samples);
  const items = Array.from({ length: samples }, (_, i) => ({ image: `image.${i}`, tokens: `tokens.${i}` }));
  await loaded.run('cache-write', { path: at('shard.safetensors'), dtype: 'fp32', items }, { tensors });
  const empty = [{ tokens: 'tokens.0' }];
  await loaded.run(
    'cache-write',
    { path: at('empty.safetensors'), dtype: 'bf16', items: empty },
    { tensors },
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('training of the diffusion transformer', () => {
  it('is refused of a kind that is drawn with alone', async () => {
    await using engine = await openEngine();
    const opened = openTraining(engine, { model: { kind: 'rae-dit', in_channels: channels } });
    await expect(opened).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_CONFIG',
      message: expect.stringContaining('a rae-dit is drawn with alone: it cannot be trained'),
    });
  });

  it('takes classes and captions in one engine: the text encoder stays', async () => {
    await using engine = await openEngine();
    const tensors = images(1);
    const write = (item: { tokens: string } | { class: number }, more: object = {}) =>
      engine.run(
        'cache-write',
        { path: at('either.safetensors'), dtype: 'fp32', items: [{ image: 'image.0', ...item }], ...more },
        { tensors },
      );
    const captions = { tokens: 'tokens.0' };
    await write(captions);
    await write({ class: 2 }, { classes: 3 });
    expect((await write(captions)).value).toEqual({ samples: 1 });
  });

  it('learns what it is shown', async () => {
    await using engine = await openEngine();
    const opened = (await openTraining(engine)).value;
    expect(opened.parameters).toBeGreaterThan(10_000);
    const losses: number[] = [];
    for (let step = 0; step < 60; step++) losses.push(lossOf(await stepOf(engine, step)));
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(mean(losses.slice(-10))).toBeLessThan(0.9 * mean(losses.slice(0, 10)));
  });

  it('reports the loss of every sample by its time', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    const report = await stepOf(engine, 0);
    const { samples: drawn = [] } = report;
    expect(drawn).toHaveLength(batch);
    for (const [t] of drawn) expect(t >= 0 && t <= 1).toBe(true);
    expect(drawn.reduce((sum, [, value]) => sum + value, 0) / batch).toBeCloseTo(lossOf(report), 6);
  });

  it('gives the same step whole, in micro-batches and from live encoders', async () => {
    const losses: number[] = [];
    const norms: number[] = [];
    for (const microBatches of [1, 2, 4]) {
      await using engine = await openEngine();
      await openTraining(engine);
      const report = await stepOf(engine, 0, microBatches);
      losses.push(lossOf(report));
      norms.push(report.gradNorm ?? Number.NaN);
    }
    await using engine = await openEngine();
    await openTraining(engine);
    const items = [0, 1, 2, 3].map((i) => ({ draw: i, image: `image.${i}`, tokens: `tokens.${i}` }));
    const request = { ...common, drop: { tokens: 'tokens.0' }, micro: [items] };
    await engine.run('train-step', request, { tensors: images(4) });
    const live = lastOf((await engine.run('train-report', {})).value.steps);
    for (const loss of [...losses, lossOf(live)]) expect(loss).toBeCloseTo(losses[0] ?? Number.NaN, 2);
    for (const norm of norms) expect(norm / (norms[0] ?? Number.NaN)).toBeCloseTo(1, 4);
  });

  it('continues bit for bit from what it saved', async () => {
    await using straight = await openEngine();
    await openTraining(straight);
    for (let step = 0; step < 4; step++) await stepOf(straight, step);
    await straight.run('train-save', { folder: at('straight') });

    await using first = await openEngine();
    await openTraining(first);
    for (let step = 0; step < 2; step++) await stepOf(first, step);
    await first.run('train-save', { folder: at('half') });
    await using second = await openEngine();
    await openTraining(second, { seed: 5 });
    await second.run('train-restore', { folder: at('half'), files: STATE_FILES });
    for (let step = 2; step < 4; step++) await stepOf(second, step);
    await second.run('train-save', { folder: at('resumed') });

    expect(await readState(second, 'resumed')).toEqual(await readState(second, 'straight'));
  });

  it('computes as many blocks twice as its memory asks for, with the same bits', async () => {
    const states: unknown[] = [];
    const chosen: number[] = [];
    let bytes = 0;
    for (const limit of [() => 1e12, () => bytes - 1, () => 1]) {
      const limitBytes = limit();
      await using engine = await openEngine();
      const activationCheckpointing = { ...keepAll, mode: 'auto', limitBytes } as const;
      const { activations } = (await openTraining(engine, { activationCheckpointing })).value;
      expect(activations).toMatchObject({ blocks: 4, budget: limitBytes });
      chosen.push(activations?.recomputed ?? -1);
      bytes = activations?.bytes ?? 0;
      await stepOf(engine, 0);
      await engine.run('train-save', { folder: at(`activations ${limitBytes}`) });
      states.push(await readState(engine, `activations ${limitBytes}`));
    }
    expect(chosen[0]).toBe(0);
    expect(chosen[1]).toBeGreaterThan(0);
    expect(chosen[1]).toBeLessThan(4);
    expect(chosen[2]).toBe(4);
    expect(states[1]).toEqual(states[0]);
    expect(states[2]).toEqual(states[0]);
  });

  it('reports steps when it is asked, in their order', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    const micro = (step: number) => [[{ draw: step, shard: 0, row: step }]];
    for (let step = 0; step < 3; step++) {
      const request = { ...common, globalBatch: 1, drop: { shard: 1, row: 0 }, micro: micro(step) };
      expect((await engine.run('train-step', request)).value).toEqual({});
    }
    const { steps } = (await engine.run('train-report', {})).value;
    expect(steps).toHaveLength(3);
    for (const { applied, losses, samples: drawn, milliseconds } of steps) {
      expect(applied).toBe(true);
      expect(drawn?.[0]?.[1]).toBeCloseTo(losses.loss ?? Number.NaN, 6);
      expect(Object.keys(milliseconds).sort()).toEqual(['encode', 'gradients', 'update']);
    }
    expect((await engine.run('train-report', {})).value.steps).toEqual([]);
  });

  it('refuses the state of another model', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    await engine.run('train-save', { folder: at('other') });
    await openTraining(engine, { model: { ...model, n_layers: 3 } });
    const restore = (files: readonly string[]) => engine.run('train-restore', { folder: at('other'), files });
    await expect(restore(STATE_FILES)).rejects.toMatchObject({ code: 'ERR_SVGT2I_WEIGHTS_MISMATCH' });
  });

  it('reads the files that are listed, and no others', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    await stepOf(engine, 0);
    await engine.run('train-save', { folder: at('listed') });
    const [file = ''] = STATE_FILES;
    // Another step's state, under the name of a second process.
    await stepOf(engine, 1);
    await engine.run('train-save', { folder: at('stray') });
    await copyFile(join(at('stray'), file), join(at('listed'), 'rank-00001-of-00001.safetensors'));
    const wanted = await readState(engine, 'listed');
    await engine.run('train-restore', { folder: at('listed'), files: STATE_FILES });
    await engine.run('train-save', { folder: at('again') });
    expect(await readState(engine, 'again')).toEqual(wanted);
    for (const files of [[], [`../stray/${file}`], ['..'], ['']]) {
      await expect(engine.run('train-restore', { folder: at('listed'), files })).rejects.toMatchObject({
        code: files.length === 0 ? 'ERR_SVGT2I_FILE_NOT_FOUND' : 'ERR_SVGT2I_INVALID_ARGUMENT',
      });
    }
  });

  it('tells which weights of a start fit', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    await engine.run('train-export', { path: at('start.pth'), weights: 'raw', dtype: 'fp32' });
    const report = (
      await openTraining(engine, {
        model: { ...model, n_layers: 3, cap_feat_dim: captionDim },
        start: { path: at('start.pth') },
      })
    ).value;
    expect(report.missing.every((name) => name.startsWith('layers.2.'))).toBe(true);
    expect(report.missing.length).toBeGreaterThan(0);
    expect(report).toMatchObject({ mismatched: [], unexpected: [] });
  });

  it('changes nothing in a step that fails', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    await stepOf(engine, 0);
    const saved = async (name: string) => {
      await engine.run('train-save', { folder: at(name) });
      return readState(engine, name);
    };
    const before = await saved('before');
    const request: DitStepRequest = {
      ...common,
      globalBatch: 2,
      drop: { shard: 1, row: 0 },
      micro: [[{ draw: 0, shard: 0, row: 0 }], [{ draw: 1, shard: 0, row: 99 }]],
    };
    await expect(engine.run('train-step', request)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    });
    expect(await saved('after')).toEqual(before);
  });

  it('draws with the weights in training, and from their export', async () => {
    await using engine = await openEngine();
    await openTraining(engine);
    await stepOf(engine, 0);
    await engine.run('train-publish', { weights: 'ema', dtype: 'fp32' });
    await engine.run('train-export', {
      path: at('dit/consolidated.00-of-01.pth'),
      weights: 'ema',
      dtype: 'fp32',
    });
    const inspected = (await engine.run('inspect', { path: at('dit/consolidated.00-of-01.pth') })).value;
    expect(inspected).toMatchObject({ format: 'torch zip' });
    await engine.run('load', { dtype: 'fp32', offload: false, dit: { path: at('dit'), config: model } });
  });
});

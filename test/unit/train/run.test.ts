/** Whole runs on an engine that trains nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { processTag } from '../../../lib/lock/process.mjs';
import { rankPlace } from '../../../lib/processes/ranks.js';
import { lockRunFolder } from '../../../lib/processes/run-lock.js';
import { behaviour, calls, drawsOf, resetEngine } from './engine.js';
import {
  autoencoder,
  data,
  dit,
  events,
  folder,
  inRun,
  ofKind,
  run,
  useTrainingFolder,
  warnings,
  writeList,
} from './fixtures.js';

vi.mock('../../../lib/engine.js', async () => ({
  Engine: (await import('./engine.js')).Engine,
  runtimeInfo: () => ({ cudaDevices: 0 }),
}));
vi.mock('../../../lib/data/image-pool.js', async () => ({
  ImagePool: (await import('./engine.js')).ImagePool,
}));

useTrainingFolder();

describe('a run of the DiT', () => {
  it('leaves its folder with everything in it', async () => {
    const result = await run(dit());
    expect(result).toMatchObject({ step: 6, steps: 6, stop: undefined });
    const names = readdirSync(inRun()).filter((name) => !name.startsWith('events.out.tfevents'));
    expect(names.sort()).toEqual([
      'checkpoints',
      'config.yaml',
      'export',
      'losses.svg',
      'metrics.jsonl',
      'samples',
    ]);
    expect(readdirSync(inRun('checkpoints'))).toEqual(['step-00000004', 'step-00000006']);
    expect(readdirSync(inRun('samples'))).toEqual(['step-00000003.png', 'step-00000006.png']);
    expect(readdirSync(inRun('export', 'dit-run'))).toEqual([
      'consolidated.00-of-01.pth',
      'consolidated_ema.00-of-01.pth',
      'model_args.json',
    ]);
    const metrics = readFileSync(inRun('metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(metrics.map(({ step }) => step)).toEqual([2, 4, 6]);
    expect(metrics[0]).toMatchObject({ losses: { loss: 0.75 }, epoch: 0.8, badItems: 0 });
    expect(metrics[0].lossByTime).toHaveLength(20);
    expect(parse(readFileSync(inRun('config.yaml'), 'utf8'))).toMatchObject({
      stage: 'dit',
      batch: { global: 4 },
    });
    expect(events[0]).toMatchObject({ type: 'start', items: 10, steps: 6, start: { parameters: 7 } });
    expect(events[1]).toEqual({
      type: 'buckets',
      sizes: [{ width: 32, height: 32, count: 10 }],
      counted: 10,
      unreadable: 0,
      items: 10,
    });
  });

  it('asks the engine for what the configuration says', async () => {
    await run(dit({ optimizer: { lr: 0.5 }, precision: 'bf16', seed: 3, schedule: { warmupSteps: 2 } }));
    expect(ofKind('load')[0]?.request).toMatchObject({ statistics: {}, autoencoder: {}, textEncoder: {} });
    expect(ofKind('load')[0]?.request).not.toHaveProperty('dit');
    expect(ofKind('train-open')[0]?.request).toMatchObject({
      stage: 'dit',
      model: { dim: 48, n_layers: 1, n_heads: 4, n_kv_heads: 4 },
      optimizer: { lr: 0.5, betas: [0.9, 0.95], eps: 1e-15, weightDecay: 0, gradClip: 2 },
      ema: { decay: 0.95, warmup: false },
      precision: 'bf16',
      seed: 3,
    });
    const [step] = ofKind('train-step');
    expect(step?.request).toMatchObject({
      lr: 0.25,
      globalBatch: 4,
      captionDropout: 0.1,
      time: { kind: 'lognormal', mean: 0, shiftTokens: 4 },
      drop: { tokens: 'tokens.dropped' },
      micro: [[{ draw: 0, image: 'image.0', tokens: 'tokens.0' }, { draw: 1 }, { draw: 2 }], [{ draw: 3 }]],
    });
    expect(step?.tensors['image.0']?.shape).toEqual([32, 32, 3]);
    expect(step?.tensors['tokens.dropped']?.shape).toEqual([1]);
  });

  it('goes on after a stop as if there had been none', async () => {
    await run(dit(), { folder: join(folder, 'whole') });
    const whole = readFileSync(
      join(folder, 'whole/checkpoints/step-00000006/rank-00000-of-00001.safetensors'),
      'utf8',
    );
    const steps = ofKind('train-step').map(({ request }) => drawsOf(request));
    calls.length = 0;
    const controller = new AbortController();
    behaviour.onStep = (step) => {
      if (step === 2) controller.abort();
    };
    const stopped = await run(dit(), { signal: controller.signal });
    expect(stopped).toMatchObject({ step: 3, stop: { rank: 0 }, exported: [] });
    expect(readdirSync(inRun('checkpoints'))).toEqual(['step-00000002', 'step-00000003']);
    expect(existsSync(inRun('lock'))).toBe(false);
    behaviour.onStep = () => undefined;
    await run(dit(), { resume: 'latest' });
    expect(events[0]).toMatchObject({ type: 'start', step: 3 });
    expect(ofKind('train-step').map(({ request }) => drawsOf(request))).toEqual(steps);
    expect(readFileSync(inRun('checkpoints/step-00000006/rank-00000-of-00001.safetensors'), 'utf8')).toBe(
      whole,
    );
    expect(warnings()).toEqual([]);
  });

  it('that is finished trains nothing when it is resumed', async () => {
    await run(dit());
    calls.length = 0;
    const { step } = await run(dit(), { resume: 'auto' });
    expect(step).toBe(6);
    expect(ofKind('train-step')).toEqual([]);
  });

  it.each([
    [3, 2],
    [6, 1],
  ])('draws the picture of step %i that it was killed before', async (step, drawn) => {
    const config = dit({ checkpoints: { every: 3, keep: 3 } });
    behaviour.onStep = (at) => {
      if (at === step - 1) behaviour.sampleError = new Error('killed');
    };
    await expect(run(config)).rejects.toThrow('killed');
    expect(existsSync(inRun('samples', `step-0000000${step}.png`))).toBe(false);
    resetEngine();
    await run(config, { resume: 'latest' });
    expect(readdirSync(inRun('samples'))).toEqual(['step-00000003.png', 'step-00000006.png']);
    expect(events.filter(({ type }) => type === 'samples')).toHaveLength(drawn);
    await run(config, { resume: 'latest' });
    expect(events.filter(({ type }) => type === 'samples')).toEqual([]);
  });

  it('removes what dead processes have left half-written', async () => {
    await run(dit({ steps: 2 }));
    const dead = spawnSync('true').pid;
    const [, started, where] = processTag().split('-');
    const left = [
      'config.yaml',
      'metrics.jsonl',
      'samples/step-00000003.png',
      'export/dit-run/model_args.json',
    ];
    mkdirSync(inRun('samples'), { recursive: true });
    for (const name of left) writeFileSync(inRun(`${name}.${dead}-${started}-${where}.part`), 'half');
    await run(dit({ steps: 4 }), { resume: 'latest' });
    expect(
      readdirSync(inRun(), { recursive: true }).filter((name) => String(name).endsWith('.part')),
    ).toEqual([]);
  });

  it('refuses a configuration that it could not read again, before anything is made', async () => {
    const sets = Array.from({ length: 600 }, () => ({ path: join(folder, 'x'.repeat(100)) }));
    await expect(run(dit({ data: data({ sets }) }), { folder: join(folder, 'large') })).rejects.toMatchObject(
      {
        code: 'ERR_SVGT2I_INVALID_CONFIG',
        message: expect.stringContaining('more than 64 KB'),
      },
    );
    expect(existsSync(join(folder, 'large'))).toBe(false);
  });

  it('refuses to end before its checkpoint', async () => {
    await run(dit());
    await expect(run(dit({ steps: 4 }), { resume: 'latest' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_CHECKPOINT',
      message: expect.stringMatching(/step-00000006 is behind the end of the run, which has 4 steps/),
      hint: expect.stringContaining('Set steps to at least 6'),
    });
  });

  it('asks the engine for the files that its checkpoint lists', async () => {
    await run(dit({ steps: 2 }));
    writeFileSync(inRun('checkpoints/step-00000002/rank-00001-of-00001.safetensors'), '7');
    await run(dit({ steps: 4 }), { resume: 'latest' });
    expect(ofKind('train-restore')[0]?.request).toEqual({
      folder: inRun('checkpoints/step-00000002'),
      files: ['rank-00000-of-00001.safetensors'],
    });
    expect(warnings()).toEqual([
      expect.stringMatching(/^not read, since .* rank-00001-of-00001.safetensors$/),
    ]);
  });

  it('says what has changed since a checkpoint, and refuses another batch', async () => {
    await run(dit({ steps: 2 }));
    await run(dit({ steps: 4, optimizer: { lr: 1e-3 } }), { resume: 'latest' });
    expect(warnings()).toEqual([
      expect.stringMatching(/^changed since .*step-00000002 was written: optimizer.lr$/),
    ]);
    writeList('list.jsonl', 11);
    await run(dit({ steps: 6 }), { resume: 'latest' });
    expect(warnings()).toEqual([expect.stringMatching(/was written: optimizer.lr, data.items$/)]);
    await expect(run(dit({ batch: { global: 5 } }), { resume: 'latest' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_CHECKPOINT',
      message: expect.stringContaining('batch.global 4, not 5'),
      hint: expect.stringContaining('initFrom'),
    });
  });

  it('reports steps that change nothing and stops after a set number of them in a row', async () => {
    behaviour.badSteps = (step) => step === 1 || step >= 3;
    await expect(run(dit({ maxBadSteps: 3, checkpoints: { every: 3 } }))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_NUMERIC',
      message: expect.stringContaining('3 steps in a row, up to step 6'),
      hint: expect.stringContaining('optimizer.lr'),
    });
    expect(events.filter((event) => event.type === 'bad-step').map((event) => event.inRow)).toEqual([
      1, 1, 2, 3,
    ]);
    const lines = readFileSync(inRun('metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ step: 6, badSteps: 4, losses: { loss: null } });
    expect(readdirSync(inRun('checkpoints'))).toEqual(['step-00000003']);
    expect(existsSync(inRun('lock'))).toBe(false);
  });

  it('leaves out bad pictures, names them, and stops where there are too many', async () => {
    writeList('list.jsonl', 10, (i) => (i === 4 ? 'broken.png' : `${i}.png`));
    await run(dit({ data: data({ maxBadShare: 0.5 }) }));
    expect(events.filter((event) => event.type === 'bad-item')).toEqual([
      { type: 'bad-item', index: 4, message: `${join(folder, 'broken.png')} cannot be decoded` },
    ]);
    expect(JSON.parse(readFileSync(inRun('bad-items.jsonl'), 'utf8'))).toMatchObject({ index: 4 });
    writeList('list.jsonl', 10, (i) => `broken${i}.png`);
    await expect(run(dit(), { folder: join(folder, 'bad') })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DATA',
    });
  });

  it('saves before it draws, which may fail', async () => {
    behaviour.sampleError = new Error('no picture');
    await expect(run(dit({ checkpoints: { every: 3 } }))).rejects.toThrow('no picture');
    expect(readdirSync(inRun('checkpoints'))).toEqual(['step-00000003']);
  });

  it('finds its frozen models again from any folder', async () => {
    const here = process.cwd();
    process.chdir(folder);
    try {
      await run(dit({ frozen: { statistics: 'own_stats.pt' } })).catch(() => undefined);
      writeFileSync('own_stats.pt', '');
      await run(dit({ frozen: { statistics: 'own_stats.pt' } }));
    } finally {
      process.chdir(here);
    }
    expect(parse(readFileSync(inRun('config.yaml'), 'utf8')).frozen).toMatchObject({
      pretrained: join(folder, 'pre-trained'),
      statistics: join(folder, 'own_stats.pt'),
    });
  });

  it('with a full disk ends with the earlier checkpoint whole', async () => {
    behaviour.onStep = (step) => {
      if (step === 2) behaviour.saveError = Object.assign(new Error('write failed'), { code: 'ENOSPC' });
    };
    await expect(run(dit())).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISK_FULL' });
    expect(readdirSync(inRun('checkpoints'))).toEqual(['step-00000002']);
    resetEngine();
    await run(dit(), { resume: 'latest' });
    expect(events[0]).toMatchObject({ step: 2 });
  });

  it('skips a damaged checkpoint, and refuses one of another model', async () => {
    await run(dit());
    writeFileSync(inRun('checkpoints/step-00000006/rank-00000-of-00001.safetensors'), 'x');
    behaviour.onStep = () => {
      throw new Error('killed');
    };
    const keepOne = dit({ checkpoints: { every: 2, keep: 1 } });
    await expect(run(keepOne, { resume: 'latest' })).rejects.toThrow('killed');
    behaviour.onStep = () => undefined;
    await run(dit(), { resume: 'latest' });
    expect(warnings()).toEqual([expect.stringContaining('skipped: ')]);
    expect(events[1]).toMatchObject({ type: 'start', step: 4 });
    await expect(run(autoencoder(), { resume: 'latest' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
      message: expect.stringContaining('stage dit, not autoencoder'),
    });
  });

  it.each([
    ['a folder in use', {}, 'ERR_SVGT2I_RUN_FOLDER', `in use by process ${process.pid} on `],
    ['no release', { frozen: { pretrained: '/nowhere' } }, 'ERR_SVGT2I_WEIGHTS_MISSING', '/nowhere'],
    [
      'a list that is none',
      { data: { sets: [{ path: '/dev/null' }], resolution: 32 } },
      'ERR_SVGT2I_FILE_FORMAT',
      'is a device',
    ],
    [
      'no start',
      { initFrom: { path: '/nowhere' } },
      'ERR_SVGT2I_WEIGHTS_MISSING',
      'initFrom: no weights in /nowhere',
    ],
    ['no cache', { data: 'cache' }, 'ERR_SVGT2I_FILE_NOT_FOUND', 'holds no feature cache'],
  ])('%s is refused before anything is trained', async (what, change, code, message) => {
    if (what === 'a folder in use') mkdirSync(inRun());
    const held = what === 'a folder in use' ? await lockRunFolder(inRun()) : undefined;
    const config = what === 'no cache' ? dit({ data: data({ cache: join(folder, 'none') }) }) : dit(change);
    await expect(run(config)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    await held?.release();
    expect(ofKind('train-open')).toEqual([]);
  });

  it('refuses a batch that its processes cannot share', async () => {
    const place = rankPlace({ RANK: '0', WORLD_SIZE: '3', MASTER_ADDR: 'a' });
    await expect(run(dit(), { place })).rejects.toThrow('cannot be shared equally by 3 processes');
    expect(existsSync(inRun())).toBe(false);
  });
});

describe('a run of the autoencoder', () => {
  it('draws what can be read of its first pictures', async () => {
    writeList('list.jsonl', 100, (i) => (i < 5 ? 'broken.png' : `${i}.png`));
    await run(autoencoder({ steps: 2, samples: { every: 2, count: 5 } }));
    expect(ofKind('encode')).toHaveLength(5);
  });

  it('has no number for losses that are none', async () => {
    behaviour.badSteps = () => true;
    await run(autoencoder({ steps: 2 }));
    const [bad] = events.filter((event) => event.type === 'bad-step');
    expect(bad?.losses.total).toBeNaN();
  });

  it('trains, draws originals above reconstructions, and exports what sample finds', async () => {
    const result = await run(autoencoder({ model: { residual: {} } }));
    expect(ofKind('train-open')[0]?.request).toMatchObject({
      stage: 'autoencoder',
      model: {
        encoder: { arch: 'dinov3_vits16plus' },
        decoder: { z_channels: 392 },
        residual: { output_dim: 8 },
      },
      encoder: { path: expect.stringContaining('dino.pth') },
      trainEncoder: false,
      loss: { perceptualWeight: 0, discStart: 5000 },
      optimizer: { betas: [0.5, 0.9] },
    });
    expect(warnings()).toEqual([expect.stringContaining('perceptual part of the loss is left out')]);
    expect(ofKind('train-step')[1]?.request).toMatchObject({ draws: [2, 3], images: ['image.0', 'image.1'] });
    expect(ofKind('encode')).toHaveLength(2 * 3);
    expect(result.exported.map((file) => file.slice(inRun('export').length + 1))).toEqual([
      'autoencoder/svg_autoencoder-R-run.ckpt',
      'autoencoder/svg_autoencoder_R_run.yaml',
    ]);
    const yaml = parse(readFileSync(inRun('export/autoencoder/svg_autoencoder_R_run.yaml'), 'utf8'));
    expect(yaml.model.params).toMatchObject({
      ckpt_path: 'pre-trained/autoencoder/svg_autoencoder-R-run.ckpt',
      ddconfig: { z_channels: 392, ch: 128 },
      extra_vit_config: { output_dim: 8, use_outnorm: true },
    });
  });

  it('begins with what another run has exported', async () => {
    await run(autoencoder(), { folder: join(folder, 'first') });
    calls.length = 0;
    await run(autoencoder({ initFrom: { path: join(folder, 'first') } }));
    expect(ofKind('train-open')[0]?.request).toMatchObject({
      start: { path: join(folder, 'first/export/autoencoder/svg_autoencoder-P-first.ckpt') },
    });
  });
});

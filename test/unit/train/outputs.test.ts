/** Export, feature caches and statistics on an engine that trains nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { loadTrainingConfig } from '../../../lib/config/train.js';
import { calls } from './engine.js';
import {
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

const { exportRun } = await import('../../../lib/train/export-run.js');
const { writeFeatureCache } = await import('../../../lib/features/feature-cache.js');
const { writeFeatureStatistics } = await import('../../../lib/features/feature-statistics.js');

useTrainingFolder();

describe('export', () => {
  it('writes the newest checkpoint of a run', async () => {
    await run(dit());
    calls.length = 0;
    const out = join(folder, 'out');
    const { files, step } = await exportRun({ run: inRun(), out });
    expect(step).toBe(6);
    expect(files).toContain(join(out, 'dit-run/consolidated_ema.00-of-01.pth'));
    expect(ofKind('train-restore')[0]?.request).toEqual({
      folder: inRun('checkpoints/step-00000006'),
      files: ['rank-00000-of-00001.safetensors'],
    });
    expect(ofKind('load')[0]?.request).not.toHaveProperty('textEncoder');
    const written = await exportRun({ run: inRun(), out, format: 'safetensors', onlyAverages: true });
    const converted = join(out, 'dit-run/consolidated_ema.00-of-01.safetensors');
    expect(written.files).toContain(converted);
    const told: string[] = [];
    await exportRun({ run: inRun(), out, onWarning: (message) => told.push(message) });
    expect(told).toEqual([expect.stringContaining(`${converted} is from earlier`)]);
  });

  describe('of a class-conditional run', () => {
    const pictures = () => join(folder, 'pictures');
    const names = () => JSON.parse(readFileSync(join(folder, 'out/dit-run/class_names.json'), 'utf8'));
    const exported = (more: object = {}) => exportRun({ run: inRun(), out: join(folder, 'out'), ...more });
    beforeEach(async () => {
      for (const name of ['cat', 'dog']) {
        mkdirSync(join(pictures(), name), { recursive: true });
        for (let i = 0; i < 4; i++) writeFileSync(join(pictures(), name, `${i}.png`), '');
      }
      const model = { kind: 'svg', hidden_size: 48, depth: 1, num_heads: 4, in_channels: 4, num_classes: 5 };
      await run(dit({ model, data: data({ sets: [{ path: pictures() }] }), samples: { every: 0 } }));
    });

    it('names its classes as the run does itself, whatever became of the pictures', async () => {
      mkdirSync(join(pictures(), 'bird'));
      const { files } = await exported();
      expect(files).toContain(join(folder, 'out/dit-run/class_names.json'));
      expect(names()).toEqual(['cat', 'dog']);
    });

    it('names them by the pictures where the run has exported nothing yet', async () => {
      rmSync(inRun('export'), { recursive: true });
      await exported();
      expect(names()).toEqual(['cat', 'dog']);
    });

    it('goes on with, and exports, a run of a version that settled a cap for every model', async () => {
      const add = (path: string, from: string, to: string) => {
        const text = readFileSync(path, 'utf8');
        expect(text).toContain(from);
        writeFileSync(path, text.replace(from, to));
      };
      add(inRun('config.yaml'), 'frozen:\n', 'frozen:\n  attentionSoftCap: true\n');
      const state = inRun('checkpoints/step-00000006/state.json');
      add(state, '"config": {', '"config": { "frozen.attentionSoftCap": "true",');
      const config = await loadTrainingConfig('dit', { file: inRun('config.yaml'), set: ['steps=8'] });
      await run(config, { resume: 'latest' });
      expect(warnings()).toEqual([]);
      expect(readFileSync(inRun('config.yaml'), 'utf8')).not.toContain('attentionSoftCap');
      add(inRun('config.yaml'), 'frozen:\n', 'frozen:\n  attentionSoftCap: true\n');
      expect((await exported()).step).toBe(8);
    });

    it('says so where there are no names', async () => {
      rmSync(inRun('export'), { recursive: true });
      rmSync(pictures(), { recursive: true });
      const told: string[] = [];
      const { files } = await exported({ onWarning: (message: string) => told.push(message) });
      expect(files.filter((file) => file.includes('class_names'))).toEqual([]);
      expect(told).toEqual([expect.stringContaining('the classes have no names')]);
    });

    it('tells of an earlier file that sample would read', async () => {
      await exported({ format: 'safetensors', onlyAverages: true });
      const told: string[] = [];
      await exported({ onWarning: (message: string) => told.push(message) });
      expect(told).toEqual([
        expect.stringMatching(/consolidated_ema\.00-of-01\.safetensors is from earlier/),
      ]);
    });
  });

  it('refuses a folder that is no run, and a run without checkpoints', async () => {
    await expect(exportRun({ run: folder, out: folder })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    await run(dit());
    rmSync(inRun('checkpoints'), { recursive: true });
    await expect(exportRun({ run: inRun(), out: folder })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_CHECKPOINT',
    });
  });
});

describe('the feature cache', () => {
  const cache = () => join(folder, 'features');
  const write = (config = dit(), more: object = {}) =>
    writeFeatureCache({
      config,
      folder: cache(),
      device: { device: 'cpu', threads: 1 },
      shardSize: 4,
      ...more,
    });

  it('is written in shards, once, and training reads it without pictures', async () => {
    const result = await write();
    expect(result).toMatchObject({ items: 10, shards: 3, bad: 0, encoded: 10 });
    expect(readdirSync(cache())).toContain('shard-000002.safetensors');
    expect(await write()).toMatchObject({ shards: 3, encoded: 0 });
    calls.length = 0;
    await run(dit({ data: data({ cache: cache() }), samples: { every: 0 } }));
    expect(ofKind('load')[0]?.request).not.toHaveProperty('textEncoder');
    expect(ofKind('train-open')[0]?.request).toMatchObject({
      cache: [0, 1, 2]
        .map((i) => join(cache(), `shard-00000${i}.safetensors`))
        .concat(join(cache(), 'empty.safetensors')),
    });
    const [step] = ofKind('train-step');
    expect(step?.request).toMatchObject({
      drop: { shard: 3, row: 0 },
      micro: [[{ draw: 0, shard: expect.any(Number) }, {}, {}], [{}]],
    });
    expect(step?.tensors).toEqual({});
    expect(warnings()).toEqual([]);
  });

  it('that was interrupted is completed', async () => {
    const controller = new AbortController();
    const onEvent = ({ type }: { readonly type: string }) =>
      type === 'progress' && controller.abort(new Error('stop'));
    await expect(write(dit(), { signal: controller.signal, onEvent })).rejects.toThrow('stop');
    const unfinished = run(dit({ data: data({ cache: cache() }) }));
    await expect(unfinished).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DATA',
      hint: expect.stringContaining('svg-t2i cache'),
    });
    writeFileSync(join(cache(), 'shard-000007.safetensors'), 'half');
    expect(await write()).toMatchObject({ shards: 3, encoded: 6 });
    expect(existsSync(join(cache(), 'shard-000007.safetensors'))).toBe(false);
  });

  it('counts bad pictures and lets neighbours take their place', async () => {
    writeList('list.jsonl', 10, (i) => (i === 0 ? 'broken.png' : `${i}.png`));
    const config = (extra: object = {}) => dit({ data: data({ maxBadShare: 0.5, ...extra }) });
    expect(await write(config())).toMatchObject({ bad: 1, encoded: 9 });
    await run(config({ cache: cache() }));
    expect(events.filter((event) => event.type === 'bad-item')).toHaveLength(1);
  });

  it.each([
    ['weights', 'ERR_SVGT2I_WEIGHTS_MISMATCH', 'with another encoder (SHA-256'],
    ['settings', 'ERR_SVGT2I_INVALID_CONFIG', 'with data.resolution 32, not 64'],
    ['list', 'ERR_SVGT2I_INVALID_CONFIG', 'with data.sets.0'],
    ['orientation', 'ERR_SVGT2I_INVALID_CONFIG', 'with data.autoOrient true, not false'],
    // Of equal length.
    ['captions', 'ERR_SVGT2I_INVALID_CONFIG', 'from other pictures or captions: data.sets.0 has SHA-256'],
  ])('made with other %s is refused, for writing and for training', async (what, code, message) => {
    await write();
    if (what === 'weights')
      writeFileSync(join(folder, 'pre-trained/dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth'), 'other');
    if (what === 'list') writeList('list.jsonl', 10, (i) => `other/${i}.png`);
    const list = join(folder, 'list.jsonl');
    if (what === 'captions') writeFileSync(list, readFileSync(list, 'utf8').replace('"p3"', '"p7"'));
    const changes: Record<string, object> = {
      settings: { resolution: 64 },
      orientation: { autoOrient: false },
    };
    const change = changes[what] ?? {};
    const refusal = { code, message: expect.stringContaining(message) };
    await expect(write(dit({ data: data(change) }))).rejects.toMatchObject(refusal);
    const cached = { data: data({ cache: cache(), ...change }) };
    await expect(run(dit(cached))).rejects.toMatchObject(refusal);
    await expect(run(dit({ ...cached, samples: { every: 0 } }))).rejects.toMatchObject(refusal);
  });

  it('from an earlier version is read with a warning, and gets the hash when it is written again', async () => {
    await write();
    const file = join(cache(), 'index.json');
    const index = JSON.parse(readFileSync(file, 'utf8'));
    const { 'data.sets.0.sha256': hash, 'data.autoOrient': _, ...earlier } = index.config;
    expect(hash).toMatch(/^"[0-9a-f]{64}"$/);
    writeFileSync(file, JSON.stringify({ ...index, config: earlier }));
    const cached = { data: data({ cache: cache() }), samples: { every: 0 } };
    await run(dit(cached));
    expect(warnings()).toEqual([expect.stringContaining('without a hash of data.sets.0')]);
    const told: string[] = [];
    const onEvent = (event: { readonly type: string; readonly message?: string }) =>
      event.type === 'warning' && told.push(String(event.message));
    expect(await write(dit(), { onEvent })).toMatchObject({ shards: 3, encoded: 0 });
    expect(told).toEqual([expect.stringContaining('the hash is added')]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(index);
  });

  it('needs no encoders where nothing is drawn, but says what was not checked', async () => {
    await write();
    rmSync(join(folder, 'pre-trained/gemma-2-2b'), { recursive: true });
    await run(dit({ data: data({ cache: cache() }), samples: { every: 0 } }));
    expect(warnings()).toEqual([expect.stringContaining('not checked against their weights')]);
  });

  it('that was cut is refused', async () => {
    await write();
    const shard = join(cache(), 'shard-000001.safetensors');
    writeFileSync(shard, '');
    await expect(run(dit({ data: data({ cache: cache() }) }))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringContaining(`${shard} has 0 bytes`),
      hint: expect.stringContaining('svg-t2i cache'),
    });
    rmSync(shard);
    await expect(run(dit({ data: data({ cache: cache() }) }))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });

  it('holds no mirrored pictures and one dtype', async () => {
    await expect(write(dit({ data: data({ flip: 0.5 }) }))).rejects.toThrow('data.flip: must be 0');
    await write();
    await expect(write(dit(), { dtype: 'fp32' })).rejects.toThrow('is in bf16, not fp32');
  });
});

it('statistics are taken over the pictures asked for', async () => {
  const path = join(folder, 'stats.pt');
  const result = await writeFeatureStatistics({
    config: dit(),
    path,
    count: 7,
    device: { device: 'cpu', threads: undefined },
  });
  expect(result).toEqual({ path, images: 3, channels: 4 });
  expect(ofKind('statistics-add').flatMap(({ request }) => request.images)).toHaveLength(7);
  expect(ofKind('load')[0]?.request).not.toHaveProperty('textEncoder');
});

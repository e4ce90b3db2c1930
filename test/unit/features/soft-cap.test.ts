/** The cap on the text encoder's attention scores, from a run's configuration to its export. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { modelSchema } from '../../../lib/config/model.js';
import { checkCacheSource } from '../../../lib/features/cache-index.js';
import { cacheSource } from '../../../lib/features/cache-source.js';
import { findRelease } from '../../../lib/release/layout.js';
import { dit, folder, inRun, ofKind, run, useTrainingFolder, warnings } from '../train/fixtures.js';

vi.mock('../../../lib/engine.js', async () => ({
  Engine: (await import('../train/engine.js')).Engine,
  runtimeInfo: () => ({ cudaDevices: 0 }),
}));
vi.mock('../../../lib/data/image-pool.js', async () => ({
  ImagePool: (await import('../train/engine.js')).ImagePool,
}));

const { writeFeatureCache } = await import('../../../lib/features/feature-cache.js');

useTrainingFolder();

const configOf = (attentionSoftCap?: boolean) =>
  dit({ frozen: { pretrained: join(folder, 'pre-trained'), attentionSoftCap } });
const loaded = () => ofKind('load').at(-1)?.request.textEncoder;
const written = () =>
  parse(readFileSync(inRun('config.yaml'), 'utf8')) as { frozen: Record<string, unknown> };
const exported = () =>
  JSON.parse(readFileSync(inRun('export', 'dit-run', 'model_args.json'), 'utf8')) as Record<string, unknown>;

it.each([
  [undefined, false],
  [false, false],
  [true, true],
] as const)('frozen.attentionSoftCap %s loads, stores and exports %s', async (given, used) => {
  await run(configOf(given));
  expect(loaded()).toMatchObject({ attentionSoftCap: used });
  expect(written().frozen.attentionSoftCap).toBe(used);
  expect(exported()).toMatchObject({ dim: 48, attention_soft_cap: used });
});

it("follows the release's defaults.yaml, and stays so whatever becomes of that", async () => {
  const defaults = join(folder, 'pre-trained', 'defaults.yaml');
  writeFileSync(defaults, 'attentionSoftCap: true\n');
  await run(configOf());
  writeFileSync(defaults, 'attentionSoftCap: false\n');
  const { ditTrainingSchema } = await import('../../../lib/config/train-dit.js');
  await run(ditTrainingSchema.parse({ ...written(), steps: 8 }), { resume: 'latest' });
  expect(loaded()).toMatchObject({ attentionSoftCap: true });
  expect(exported()).toMatchObject({ attention_soft_cap: true });
});

describe('of a transformer that is trained further', () => {
  const first = () => join(folder, 'first');
  const further = (attentionSoftCap?: boolean, path = first()) =>
    dit({ initFrom: { path }, frozen: { pretrained: join(folder, 'pre-trained'), attentionSoftCap } });
  const remark = /initFrom was trained with a cap .* goes on without it, as frozen\.attentionSoftCap says/;
  const modelArgs = () => join(first(), 'export', 'dit-first', 'model_args.json');
  beforeEach(async () => {
    await run(configOf(true), { folder: first() });
  });

  it('stays as it was, before what the release says', async () => {
    writeFileSync(join(folder, 'pre-trained', 'defaults.yaml'), 'attentionSoftCap: false\n');
    await run(further());
    expect(loaded()).toMatchObject({ attentionSoftCap: true });
    expect(written().frozen.attentionSoftCap).toBe(true);
    expect(exported()).toMatchObject({ attention_soft_cap: true });
    expect(warnings()).toEqual([]);
  });

  it('changes where the configuration says so, with a remark', async () => {
    await run(further(true));
    expect(warnings()).toEqual([]);
    await run(further(false), { folder: join(folder, 'second') });
    expect(loaded()).toMatchObject({ attentionSoftCap: false });
    expect(warnings()).toEqual([expect.stringMatching(remark)]);
  });

  it('follows the release where model_args.json is silent', async () => {
    const { attention_soft_cap: _, ...silent } = JSON.parse(readFileSync(modelArgs(), 'utf8')) as object & {
      attention_soft_cap: boolean;
    };
    writeFileSync(modelArgs(), JSON.stringify(silent));
    await run(further());
    expect(loaded()).toMatchObject({ attentionSoftCap: false });
  });

  it('decides for its cache as well, which can be written before it is there', async () => {
    const remarks: string[] = [];
    const write = async (config: ReturnType<typeof dit>, name: string) => {
      await writeFeatureCache({
        config,
        folder: join(folder, name),
        device: { device: 'cpu', threads: 1 },
        shardSize: 4,
        onEvent: (event) => event.type === 'warning' && remarks.push(event.message),
      });
      return loaded();
    };
    expect(await write(further(), 'a')).toMatchObject({ attentionSoftCap: true });
    expect(remarks).toEqual([]);
    expect(await write(further(false), 'b')).toMatchObject({ attentionSoftCap: false });
    expect(remarks).toEqual([expect.stringMatching(remark)]);
    expect(await write(further(undefined, join(folder, 'later')), 'c')).toMatchObject({
      attentionSoftCap: false,
    });
    const cached = (cache: string) => ({
      ...further(),
      data: { ...further().data, cache: join(folder, cache) },
    });
    await run(cached('a'));
    expect(warnings()).toEqual([]);
    await expect(run(cached('c'), { folder: join(folder, 'third') })).rejects.toThrow(
      'made with frozen.attentionSoftCap false, not true',
    );
  });
});

it('of a run whose configuration is silent was on: it is resumed so, without a remark', async () => {
  await run(configOf(true));
  const config = written();
  delete config.frozen.attentionSoftCap;
  writeFileSync(inRun('config.yaml'), stringify(config));
  const state = inRun('checkpoints', 'step-00000006', 'state.json');
  const { config: values, ...rest } = JSON.parse(readFileSync(state, 'utf8')) as {
    config: Record<string, string>;
  };
  delete values['frozen.attentionSoftCap'];
  delete values['data.autoOrient'];
  writeFileSync(state, JSON.stringify({ ...rest, config: values }));
  await run(dit({ ...configOf(), steps: 8 }), { resume: 'latest' });
  expect(loaded()).toMatchObject({ attentionSoftCap: true });
  expect(exported()).toMatchObject({ attention_soft_cap: true });
  expect(warnings()).toEqual([]);
});

it('decides what a cache is good for; caches of earlier versions had it on', async () => {
  const layout = findRelease(modelSchema.parse({ pretrained: join(folder, 'pre-trained') }), ['textEncoder']);
  const source = (given?: boolean) =>
    cacheSource(configOf(given), { length: 10, fingerprints: async () => ['a'] }, layout);
  const index = {
    ...(await source()),
    version: 1 as const,
    dtype: 'bf16' as const,
    complete: true,
    shards: [],
    bad: [],
    millisecondsPerImage: 0,
  };
  checkCacheSource('cache', index, await source(false));
  const capped = await source(true);
  expect(() => checkCacheSource('cache', index, capped)).toThrow(
    'made with frozen.attentionSoftCap false, not true',
  );
  const { 'frozen.attentionSoftCap': _, ...before } = index.config;
  checkCacheSource('cache', { ...index, config: before }, capped);
  const plain = await source();
  expect(() => checkCacheSource('cache', { ...index, config: before }, plain)).toThrow(
    'made with frozen.attentionSoftCap true, not false',
  );
});

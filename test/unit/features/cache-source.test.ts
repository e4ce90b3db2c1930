/** What a feature cache depends on: with classes, on nothing that says how text is read. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ditTrainingSchema } from '../../../lib/config/train-dit.js';
import { checkCacheSource } from '../../../lib/features/cache-index.js';
import { cacheSource } from '../../../lib/features/cache-source.js';
import type { AutoencoderConfig } from '../../../lib/release/autoencoder-config.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-cache-source-'));
  mkdirSync(join(folder, 'pictures'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const svg = { kind: 'svg', preset: 'B' };
const nextDit = { preset: '0.8B' };

/** Of a plain configuration with these changes. */
function sourceOf(model: object, change: object = {}, set: object = {}) {
  return cacheSource(
    ditTrainingSchema.parse({
      model,
      data: { sets: [{ path: join(folder, 'pictures'), ...set }], resolution: 256 },
      steps: 1,
      batch: { global: 2 },
      ...change,
    }),
    { length: 2, fingerprints: async () => ['a'] },
    { folder, warnings: [] },
  );
}

/** What the cache of a plain configuration says to one with these changes. */
async function check(model: object, change: object = {}, set: object = {}) {
  const index = {
    ...(await sourceOf(model)),
    version: 1 as const,
    dtype: 'bf16' as const,
    complete: true,
    shards: [],
    bad: [],
    millisecondsPerImage: 0,
  };
  return checkCacheSource('cache', index, await sourceOf(model, change, set));
}

it.each([
  [{ captions: { maxTokens: 100 } }, {}, 'data.maxTokens'],
  [{}, { systemPrompt: 'align' }, 'data.sets.0'],
  [{}, { prompt: 'a photo of {class}' }, 'data.sets.0'],
])('%j, %j of a set: matters for captions alone', async (change, set, key) => {
  await expect(check(nextDit, change, set)).rejects.toThrow(`was made with ${key} `);
  await expect(check(svg, change, set)).rejects.toThrow('means nothing to model.kind svg');
});

it('a soft cap matters for captions alone; configurations with classes may say one', async () => {
  const change = { frozen: { attentionSoftCap: true } };
  await expect(check(nextDit, change)).rejects.toThrow('was made with frozen.attentionSoftCap ');
  expect(await check(svg, change)).toEqual([]);
});

it('the index of a cache with classes says nothing of how text is read', async () => {
  const told = async (model: object, set: object = {}) => {
    const { config } = await sourceOf(model, {}, set);
    const keys = ['data.maxTokens', 'frozen.attentionSoftCap'].filter((key) => key in config);
    return [...keys, ...Object.keys(JSON.parse(config['data.sets.0'] ?? '') as object)];
  };
  expect(await told(svg)).toEqual(['name', 'ratio']);
  expect(await told(nextDit, { prompt: 'a photo' })).toEqual([
    'data.maxTokens',
    'frozen.attentionSoftCap',
    'name',
    'ratio',
    'systemPrompt',
    'prompt',
  ]);
});

it('hashes an encoder that is a folder of Hugging Face file by file, and the checkpoint where it has its own', async () => {
  const hub = join(folder, 'siglip2-base-patch16-256');
  mkdirSync(hub);
  for (const name of ['model.safetensors', 'config.json', 'README.md']) writeFileSync(join(hub, name), name);
  const checkpoint = join(folder, 'a.ckpt');
  writeFileSync(checkpoint, 'a');
  const weightsOf = async (encoder: string | undefined) => {
    const config = ditTrainingSchema.parse({
      model: svg,
      data: { sets: [{ path: join(folder, 'pictures') }], resolution: 256 },
      steps: 1,
      batch: { global: 2 },
    });
    const dataset = { length: 2, fingerprints: async () => ['a'] };
    const settled = { residual: null } as AutoencoderConfig;
    const autoencoder = { yaml: undefined, checkpoint, encoder, config: settled, warnings: [] };
    return Object.keys((await cacheSource(config, dataset, { folder, autoencoder, warnings: [] })).weights);
  };
  expect(await weightsOf(hub)).toEqual(['encoder config.json', 'encoder model.safetensors']);
  expect(await weightsOf(join(hub, 'model.safetensors'))).toEqual(['encoder']);
  expect(await weightsOf(undefined)).toEqual(['autoencoder']);
});

it('pictures matter for classes too', async () => {
  await expect(check(svg, {}, { ratio: 2 })).rejects.toThrow('was made with data.sets.0 ');
});

/** A release is looked for once on the way from the command line to the engine, and its small files are read once. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { releaseFiles, writeFiles } from '../release.js';

const read: string[] = [];
let searches = 0;

vi.mock('../../../lib/engine.js', async () => {
  const { MockEngine, loadedModels } = await import('../mock-engine.js');
  class Engine extends MockEngine {
    static create = async () => new Engine({ load: () => ({ value: loadedModels }) });
  }
  return { Engine };
});
vi.mock('../../../lib/regular-file.js', async (original) => {
  const real = await original<typeof import('../../../lib/regular-file.js')>();
  const readTextSync: typeof real.readTextSync = (path, limits) => {
    read.push(basename(path));
    return real.readTextSync(path, limits);
  };
  return { ...real, readTextSync };
});
vi.mock('../../../lib/release/autoencoder-files.js', async (original) => {
  const real = await original<typeof import('../../../lib/release/autoencoder-files.js')>();
  const findAutoencoder: typeof real.findAutoencoder = (...given) => {
    searches++;
    return real.findAutoencoder(...given);
  };
  return { ...real, findAutoencoder };
});

const { loadSampleConfig } = await import('../../../lib/cli/sample-config.js');
const { layoutOf, MODEL_PARTS } = await import('../../../lib/release/layout.js');
const { SvgT2I } = await import('../../../lib/pipeline.js');

let pretrained: string;
beforeAll(() => {
  pretrained = mkdtempSync(join(tmpdir(), 'svg-found-'));
  const tokenizer = readFileSync(new URL('../../golden/tokenizer/tokenizer.json', import.meta.url), 'utf8');
  writeFiles(pretrained, {
    ...releaseFiles(),
    'gemma-2-2b/tokenizer.json': tokenizer,
    'defaults.yaml': 'steps: 12\nattentionSoftCap: true\n',
    'dit-stage4-T274M/model_args.json': JSON.stringify({ dim: 48, n_layers: 1, n_heads: 4 }),
  });
});
afterAll(() => rmSync(pretrained, { recursive: true }));
beforeEach(() => {
  read.length = 0;
  searches = 0;
});

it('and what was found is what is loaded', async () => {
  const { found, sample } = await loadSampleConfig({ set: [`model.pretrained=${pretrained}`] });
  const layout = layoutOf(found, MODEL_PARTS);
  expect(sample.steps).toBe(12);
  expect(found.softCap({ ofDit: true })).toEqual({ attentionSoftCap: true, trained: undefined });
  await using pipeline = await SvgT2I.loadFound(found, {});
  expect(pipeline.defaults).toMatchObject({ steps: 12 });
  expect(layout.dit).toBe(join(pretrained, 'dit-stage4-T274M/consolidated.00-of-01.pth'));
  const ofRelease = read.filter((name) => /defaults|model_args|svg_autoencoder/.test(name)).sort();
  expect(ofRelease).toEqual(['defaults.yaml', 'model_args.json', 'svg_autoencoder_P_stage3_1024.yaml']);
  expect(searches).toBe(1);
});

it('and parts that are given by their own paths follow the defaults.yaml of the current folder', async () => {
  const before = process.cwd();
  process.chdir(pretrained);
  try {
    const parts = { dit: 'dit-stage4-T274M', textEncoder: 'gemma-2-2b' };
    await using pipeline = await SvgT2I.load({ ...parts, autoencoder: 'svg_autoencoder_P_stage3_1024' });
    expect(pipeline.defaults).toMatchObject({ steps: 12 });
    const { sample, found } = await loadSampleConfig({ set: ['model.dit=dit-stage4-T274M'] });
    expect(sample.steps).toBe(12);
    expect(found.softCap({ ofDit: true }).attentionSoftCap).toBe(true);
  } finally {
    process.chdir(before);
  }
});

/** What a class-conditional model takes where nobody says: neither texts nor a guidance that it cannot follow. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Call, callsOfKind } from '../mock-engine.js';
import { releaseFiles, writeFiles } from '../release.js';

const calls: Call[] = [];
let noneClass = true;

vi.mock('../../../lib/engine.js', async () => {
  const { MockEngine, blackPixels, loadedModels, noSeconds } = await import('../mock-engine.js');
  class Engine extends MockEngine {
    static create = async () =>
      new Engine(
        {
          load: () => {
            const dit = {
              ...loadedModels.dit,
              kind: 'svg',
              condition: 'class',
              classes: 3,
              noneClass,
            } as const;
            return { value: { ...loadedModels, dit } };
          },
          sample: () => ({
            value: { timings: noSeconds, evaluations: [] },
            tensors: { 'image.0': blackPixels(256, 256) },
          }),
        },
        (kind, request, { tensors = {} }) => calls.push({ kind, request, tensors } as Call),
      );
  }
  return { Engine };
});

// The mock engine has no files to count.
vi.mock('../../../lib/cli/estimate-run.js', () => ({ adviceBeforeDrawing: async () => [] }));

const { loadSampleConfig } = await import('../../../lib/cli/sample-config.js');
const { drawAll } = await import('../../../lib/cli/draw.js');
const { SvgT2I } = await import('../../../lib/pipeline.js');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-class-defaults-'));
  calls.length = 0;
  noneClass = true;
  const kept = Object.entries(releaseFiles()).filter(([name]) => !name.startsWith('dit-'));
  writeFiles(folder, { ...Object.fromEntries(kept), 'V1-SVG-XL-a.pt': '', 'small.pt': '' });
});
afterEach(() => rmSync(folder, { recursive: true }));

const scales = () => callsOfKind(calls, 'sample').map(({ request }) => request.guidance.scale);

async function sample(set: readonly string[] = []): Promise<void> {
  const out = join(folder, 'out.png');
  const config = await loadSampleConfig(
    { set: [`model.pretrained=${folder}`, `output.path=${out}`, ...set] },
    { ofClass: true },
  );
  await drawAll(config, { classes: [1] }, { json: false });
}

async function generate(options: object = {}): Promise<void> {
  await using pipeline = await SvgT2I.load({ pretrained: folder, ...options });
  await pipeline.generate({ class: 1 });
}

it('is no text of the release, which others of its models may follow', async () => {
  writeFiles(folder, { 'defaults.yaml': 'systemPrompt: empty\nnegativePrompt: blur\nguidanceScale: 2\n' });
  await generate();
  await sample();
  expect(scales()).toEqual([2, 2]);
});

it('is no guidance where the model was trained without "none", unless a weaker one guides it', async () => {
  await generate();
  await sample();
  noneClass = false;
  await generate();
  await sample();
  await generate({ weakDit: 'small.pt' });
  await sample(['model.weakDit=small.pt']);
  expect(scales()).toEqual([4, 4, 1, 1, 4, 4]);
  await expect(sample(['sample.guidanceScale=3'])).rejects.toMatchObject({
    message: expect.stringContaining('guidanceScale: 3 moves away'),
  });
});

it('is what pictures that are there are compared with', async () => {
  await sample(['sample.guidanceScale=3']);
  await sample(['output.skipExisting=true']);
  await sample(['output.skipExisting=true']);
  expect(scales()).toEqual([3, 4]);
  writeFiles(folder, { 'model_args.json': JSON.stringify({ kind: 'svg', class_dropout_prob: 0 }) });
  const { sample: said } = await loadSampleConfig({ set: [`model.pretrained=${folder}`] });
  expect(said.guidanceScale).toBe(1);
});

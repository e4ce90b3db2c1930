/** The pipeline's own logic against an engine that draws nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SvgT2IError } from '../../lib/errors.js';
import type { GenerateEvent, GenerateRequest } from '../../lib/index.js';
import { wordTokenizer } from '../../lib/text/word-tokenizer.js';
import { type Call, callsOfKind } from './mock-engine.js';
import { releaseFiles, writeFiles } from './release.js';

const calls: Call[] = [];
let disposals = 0;
/** By seed: what drawing it throws. */
const failing = new Map<number, unknown>();

vi.mock('../../lib/engine.js', async () => {
  const { MockEngine, blackPixels, loadedModels } = await import('./mock-engine.js');
  const pixels = blackPixels(32, 16, 7);
  const latent = { dtype: 'float32', shape: [4, 1, 2], data: new Float32Array(8) } as const;
  class Engine extends MockEngine {
    static create = async () =>
      new Engine(
        {
          load: (_, { onEvent }) => {
            onEvent?.({ type: 'load', part: 'dit' }, {});
            return { value: loadedModels };
          },
          'generate-text': () => ({ value: { ids: [308, 1] } }),
          encode: () => ({ tensors: { 'latent.0': latent } }),
          decode: () => ({ tensors: { 'image.0': pixels } }),
          sample: async ({ items, returnLatents }, { signal, onEvent }) => {
            for (const { seed } of items) if (failing.has(seed)) throw failing.get(seed);
            onEvent?.({ type: 'encode', item: 0 }, {});
            for (let step = 1; step <= 2; step++) {
              await new Promise((resolve) => setTimeout(resolve, 1));
              signal?.throwIfAborted();
              onEvent?.({ type: 'step', item: 0, step, steps: 2, t: step / 2 }, {});
            }
            onEvent?.({ type: 'preview', item: 0, step: 1 }, { image: pixels });
            const tensors = Object.fromEntries(items.map((_, i) => [`image.${i}`, pixels]));
            return {
              value: { timings: { encode: 1, sample: 2, model: 3, decode: 4 }, evaluations: [] },
              tensors: returnLatents ? { ...tensors, 'latent.0': latent } : tensors,
            };
          },
        },
        (kind, request, { tensors, signal }) =>
          calls.push({ kind, request, tensors, ...(signal ? { signal } : {}) } as Call),
      );
    override async dispose() {
      await super.dispose();
      disposals++;
    }
  }
  return { Engine };
});

const { SvgT2I } = await import('../../lib/pipeline.js');

let pretrained: string;
beforeAll(() => {
  pretrained = mkdtempSync(join(tmpdir(), 'svg-pipeline-'));
  const tokenizer = readFileSync(new URL('../golden/tokenizer/tokenizer.json', import.meta.url), 'utf8');
  writeFiles(pretrained, { ...releaseFiles(), 'gemma-2-2b/tokenizer.json': tokenizer });
});
afterAll(() => rmSync(pretrained, { recursive: true }));
beforeEach(() => {
  calls.length = 0;
  failing.clear();
  disposals = 0;
});

const small = { width: 32, height: 16, steps: 2, systemPrompt: 'empty' } as const;
const sampleCalls = () => callsOfKind(calls, 'sample');

async function eventsOf(request: GenerateRequest): Promise<GenerateEvent[]> {
  await using pipeline = await SvgT2I.load({ pretrained });
  const events: GenerateEvent[] = [];
  for await (const event of pipeline.stream(request)) events.push(event);
  return events;
}

describe('load', () => {
  it('hands the release to the engine and tells its progress', async () => {
    const progress: unknown[] = [];
    await using pipeline = await SvgT2I.load({
      pretrained,
      dtype: 'fp32',
      onProgress: (event) => progress.push(event),
    });
    expect(calls[0]?.request).toMatchObject({
      dtype: 'fp32',
      dit: { path: join(pretrained, 'dit-stage4-T274M/consolidated.00-of-01.pth') },
      statistics: { layer: -1 },
      autoencoder: { config: { decoder: { z_channels: 384 } } },
    });
    expect(progress).toEqual([{ type: 'load', part: 'dit', done: 0, total: 4 }]);
    expect(pipeline.models.device).toBe('cpu');
  });

  it('loads the autoencoder alone', async () => {
    await using pipeline = await SvgT2I.load({ pretrained, parts: ['autoencoder'] });
    expect(Object.keys(calls[0]?.request ?? {})).toEqual(['dtype', 'offload', 'autoencoder']);
    await expect(pipeline.generate({ prompt: 'x', ...small })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_NOT_LOADED',
    });
  });

  it.each([
    [{ device: 'gpu' }, 'device'],
    [{ dtype: 'fp8' }, 'dtype'],
    [{ threads: 0 }, 'threads'],
    [{ pretraind: 'x' }, 'did you mean "pretrained"'],
  ])('%j is refused before any engine', async (options, message) => {
    await expect(SvgT2I.load(options as never)).rejects.toThrow(message);
    expect(calls).toEqual([]);
  });

  it('rejects with the reason of a signal that is aborted already', async () => {
    const reason = new Error('stop');
    await expect(SvgT2I.load({ pretrained, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('generate', () => {
  it('gives picture i of a run the seed + i', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const { images } = await pipeline.generate({ prompt: ['a', 'b'], count: 2, seed: 5, ...small });
    expect(images.map(({ index, seed, prompt }) => [index, seed, prompt])).toEqual([
      [0, 5, 'a'],
      [1, 6, 'a'],
      [2, 7, 'b'],
      [3, 8, 'b'],
    ]);
    expect(sampleCalls().map(({ request }) => request.items?.map(({ seed }) => seed))).toEqual([
      [5],
      [6],
      [7],
      [8],
    ]);
  });

  it('draws pictures together where asked, each caption once', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    await pipeline.generate({ prompt: ['a', 'b', 'a'], batchSize: 3, ...small });
    const [job] = sampleCalls();
    expect(job?.request.items).toMatchObject([
      { prompt: 0, negative: 2 },
      { prompt: 1, negative: 2 },
      { prompt: 0, negative: 2 },
    ]);
    expect(Object.keys(job?.tensors ?? {})).toEqual(['tokens.0', 'tokens.1', 'tokens.2']);
    expect(job?.tensors['tokens.2']?.data).toEqual(BigInt64Array.of(2n));
  });

  it('draws only the pictures that are asked for', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const { images } = await pipeline.generate({ prompt: 'a', count: 4, seed: 10, only: [1, 3], ...small });
    expect(images.map(({ seed }) => seed)).toEqual([11, 13]);
  });

  it('gives every prompt the same seeds where asked', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const request: GenerateRequest = {
      prompt: ['a', 'b'],
      count: 2,
      seed: 5,
      seedMode: 'same',
      ...small,
    };
    const { images } = await pipeline.generate(request);
    expect(images.map(({ seed, prompt }) => [seed, prompt])).toEqual([
      [5, 'a'],
      [6, 'a'],
      [5, 'b'],
      [6, 'b'],
    ]);
    const last: GenerateRequest = { ...request, count: 1, seed: Number.MAX_SAFE_INTEGER };
    await expect(pipeline.generate(last)).resolves.toMatchObject({ images: [{}, {}] });
    await expect(pipeline.generate({ ...last, seedMode: 'each' })).rejects.toThrow('2^53');
  });

  it('begins a run of 100,000 pictures at once, whichever of them are asked for', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    let looks = 0;
    const indices = Array.from({ length: 100_000 }, (_, i) => 99_999 - i);
    const only = new Proxy(indices, {
      get: (list, key) => {
        looks++;
        return Reflect.get(list, key) as unknown;
      },
    });
    const prompt = Array.from({ length: 1000 }, (_, i) => `prompt ${i}`);
    for await (const event of pipeline.stream({ prompt, count: 100, only, ...small })) {
      if (event.type === 'image' && event.index === 2) break;
    }
    expect(sampleCalls().map(({ request }) => request.items?.[0]?.seed)).toEqual([0, 1, 2]);
    expect(looks).toBeLessThan(1_000_000);
  });

  it('sets the shift by the solver, and guides as long as it is told', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    await pipeline.generate({ prompt: 'a', ...small });
    await pipeline.generate({ prompt: 'a', ...small, solver: 'heun', guidanceUntil: 0.25 });
    const [dpm, heun] = sampleCalls().map(({ request }) => request);
    expect(dpm).toMatchObject({
      solver: { name: 'dpm++', shift: 10 },
      guidance: { until: 1, mode: 'renorm' },
    });
    expect(heun).toMatchObject({ solver: { shift: 6 }, guidance: { until: 0.25 } });
  });

  it('cuts long lists of prompts to tokens batch by batch, and warns of each once', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const long = 'word '.repeat(200);
    const types: string[] = [];
    for await (const event of pipeline.stream({ prompt: ['a', long], count: 2, ...small })) {
      if (event.type === 'image' || event.type === 'warning') types.push(event.type);
    }
    expect(types).toEqual(['image', 'image', 'warning', 'image', 'image']);
  });

  it('warns about a prompt that is cut', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const { warnings } = await pipeline.generate({ prompt: 'word '.repeat(200), ...small });
    expect(warnings).toEqual([expect.stringContaining('longer than 40 tokens')]);
    expect(sampleCalls()[0]?.tensors['tokens.0']?.shape).toEqual([40]);
  });

  it('takes noise in place of the seed, and says so in the picture', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const { images } = await pipeline.generate({
      prompt: 'a',
      ...small,
      noise: [new Float32Array(8)],
      returnLatents: true,
    });
    expect(sampleCalls()[0]?.tensors['noise.0']?.shape).toEqual([1, 4, 1, 2]);
    expect(images[0]?.metadata.noise).toBe('given');
    expect(images[0]?.latent).toMatchObject({ channels: 4, height: 1, width: 2 });
  });

  it('stores what draws the picture again, and no folders', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const { images } = await pipeline.generate({ prompt: 'a', ...small, seed: 3 });
    expect(images[0]?.metadata).toMatchObject({
      prompt: 'a',
      seed: 3,
      solver: 'dpm++',
      order: 2,
      shift: 10,
      dit: 'dit-stage4-T274M/consolidated.00-of-01.pth',
      textEncoder: 'gemma-2-2b',
      attentionSoftCap: false,
    });
    expect(JSON.stringify(images[0]?.metadata)).not.toContain(pretrained);
  });

  it.each([
    [true, undefined, true],
    [undefined, true, true],
    [false, true, false],
    [undefined, false, false],
  ])('stores how the text encoder attended: %s asked for, %s trained with', async (asked, trained, used) => {
    const file = join(pretrained, 'dit-stage4-T274M', 'model_args.json');
    const model = { dim: 48, n_layers: 2, n_heads: 2 };
    if (trained !== undefined) writeFileSync(file, JSON.stringify({ ...model, attention_soft_cap: trained }));
    try {
      await using pipeline = await SvgT2I.load({ pretrained, attentionSoftCap: asked });
      const { images } = await pipeline.generate({ prompt: 'a', ...small });
      expect(images[0]?.metadata.attentionSoftCap).toBe(used);
    } finally {
      rmSync(file, { force: true });
    }
  });

  it('with "enhance" draws the longer description and keeps the prompt', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    const { images } = await pipeline.generate({ prompt: 'a', ...small, systemPrompt: 'enhance' });
    expect(calls.map(({ kind }) => kind)).toEqual(['load', 'generate-text', 'sample']);
    expect(images[0]?.prompt).toBe('a');
  });

  it.each([
    [{ prompt: 'a', ...small, noise: [] }, 'noise: 0 arrays were given for 1 pictures'],
    [
      { prompt: 'a', ...small, noise: [new Float32Array(7)] },
      'noise: 7 numbers were given, 8 are needed for (1, 4, 1, 2)',
    ],
    [{ prompt: ['a', 'b'], ...small, seed: Number.MAX_SAFE_INTEGER }, '2^53'],
    [{ prompt: 'a', width: 100 }, 'width: must be a multiple of 16, got 100'],
    [{ prompt: 'a', height: 9000 - 8 }, 'height: must be at most 8192'],
    [{ prompt: 'a', steps: 0 }, 'steps: must be at least 1, got 0'],
    [{ prompt: 'a', solver: 'ddim' }, 'solver: must be one of'],
  ])('%j is refused', async (request, message) => {
    await using pipeline = await SvgT2I.load({ pretrained });
    await expect(pipeline.generate(request as GenerateRequest)).rejects.toThrow(message);
    expect(sampleCalls()).toEqual([]);
  });
});

describe('a small model', () => {
  let shapes: string;
  beforeAll(() => {
    shapes = mkdtempSync(join(tmpdir(), 'svg-pipeline-'));
    const { json, config } = wordTokenizer(['a', 'red', 'circle']);
    writeFiles(shapes, {
      ...releaseFiles(),
      'gemma-2-2b/tokenizer.json': JSON.stringify(json),
      'gemma-2-2b/tokenizer_config.json': JSON.stringify(config),
      'defaults.yaml': 'width: 32\nheight: 16\ntrainedSizes: [32x16]\n',
    });
  });
  afterAll(() => rmSync(shapes, { recursive: true }));

  it('warns of words that it does not know, of each once', async () => {
    await using pipeline = await SvgT2I.load({ pretrained: shapes });
    const { steps, systemPrompt } = small;
    const prompt = ['a red fox', 'a red circle', 'a fox, a cat'];
    const { warnings } = await pipeline.generate({ prompt, steps, systemPrompt, negativePrompt: 'a dog' });
    expect(warnings).toEqual([
      'the small text encoder does not know: fox',
      'the small text encoder does not know: dog',
      'the small text encoder does not know: cat',
    ]);
  });

  it('warns of sizes that it never saw, once a run', async () => {
    await using pipeline = await SvgT2I.load({ pretrained: shapes });
    const request = { prompt: 'a red circle', ...small, height: 32, count: 2 };
    expect((await pipeline.generate(request)).warnings).toEqual([
      'this model was trained on pictures of 32x16 px and may not draw 32x32 well',
    ]);
  });

  it('refuses to write', async () => {
    await using pipeline = await SvgT2I.load({ pretrained: shapes });
    const refused = { code: 'ERR_SVGT2I_WEIGHTS_MISMATCH', hint: expect.stringContaining('gemma-2-2b') };
    await expect(pipeline.enhancePrompt('a red circle')).rejects.toMatchObject(refused);
    await expect(
      pipeline.generate({ prompt: 'a red circle', ...small, systemPrompt: 'enhance' }),
    ).rejects.toMatchObject(refused);
    expect(calls.map(({ kind }) => kind)).toEqual(['load']);
  });
});

describe('a picture that fails', () => {
  const numeric = () => new SvgT2IError('ERR_SVGT2I_NUMERIC', 'NaN');
  const request: GenerateRequest = { prompt: ['a', 'b'], count: 2, seed: 5, ...small };

  it('ends the run', async () => {
    failing.set(6, numeric());
    await using pipeline = await SvgT2I.load({ pretrained });
    await expect(pipeline.generate(request)).rejects.toMatchObject({ code: 'ERR_SVGT2I_NUMERIC' });
    expect(sampleCalls()).toHaveLength(2);
  });

  it.each([1, 4])('is named, and the others are drawn, where asked (batches of %i)', async (batchSize) => {
    failing.set(6, numeric());
    await using pipeline = await SvgT2I.load({ pretrained });
    const { images, failures, timings } = await pipeline.generate({ ...request, batchSize, keepGoing: true });
    expect(images.map(({ index, seed }) => [index, seed])).toEqual([
      [0, 5],
      [2, 7],
      [3, 8],
    ]);
    expect(failures).toEqual([{ index: 1, seed: 6, prompt: 'a', error: failing.get(6) }]);
    expect(timings).toMatchObject({ sample: 6, decode: 12 });
  });

  it('is an event of stream, which tells their number at the end', async () => {
    failing.set(6, numeric());
    const events = await eventsOf({ ...request, keepGoing: true });
    expect(events.filter(({ type }) => type === 'failed' || type === 'image')).toMatchObject([
      { type: 'image', index: 0 },
      { type: 'failed', index: 1, error: { code: 'ERR_SVGT2I_NUMERIC' } },
      { type: 'image', index: 2 },
      { type: 'image', index: 3 },
    ]);
    expect(events.at(-1)).toEqual({
      type: 'done',
      images: 3,
      failed: 1,
      timings: expect.objectContaining({ sample: 6 }),
    });
  });

  it.each(['ERR_SVGT2I_DISPOSED', 'ERR_SVGT2I_CANCELLED', 'ERR_SVGT2I_DEVICE_UNAVAILABLE'] as const)(
    'for a reason that concerns all (%s) ends the run in any case',
    async (code) => {
      failing.set(6, new SvgT2IError(code, 'x'));
      await using pipeline = await SvgT2I.load({ pretrained });
      await expect(pipeline.generate({ ...request, keepGoing: true })).rejects.toMatchObject({ code });
      expect(sampleCalls()).toHaveLength(2);
    },
  );

  it('is not taken for a signal, nor for a fault of ours', async () => {
    const fault = new TypeError('x');
    failing.set(6, fault);
    await using pipeline = await SvgT2I.load({ pretrained });
    await expect(pipeline.generate({ ...request, keepGoing: true })).rejects.toBe(fault);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(pipeline.generate({ ...request, keepGoing: true, signal })).rejects.toThrow('enough');
  });
});

describe('stream', () => {
  it('tells each stage in order', async () => {
    const events = await eventsOf({ prompt: 'a', ...small, previewEvery: 1 });
    expect(events.map(({ type }) => type)).toEqual(['encode', 'step', 'step', 'preview', 'image', 'done']);
    expect(events.at(-1)).toEqual({
      type: 'done',
      images: 1,
      timings: {
        encode: 1,
        sample: 2,
        model: 3,
        decode: 4,
        evaluations: 0,
        unconditionalEvaluations: 0,
        reusedEvaluations: 0,
      },
    });
  });

  it('ends the job when the loop is left', async () => {
    await using pipeline = await SvgT2I.load({ pretrained });
    for await (const event of pipeline.stream({ prompt: 'a', count: 5, ...small })) {
      if (event.type === 'step') break;
    }
    expect(sampleCalls()).toHaveLength(1);
    expect(sampleCalls()[0]?.signal?.aborted).toBe(true);
  });

  it('rejects with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using pipeline = await SvgT2I.load({ pretrained });
    const run = async () => {
      for await (const event of pipeline.stream({ prompt: 'a', ...small, signal: controller.signal })) {
        if (event.type === 'step') controller.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
  });
});

describe('encode, decode, reconstruct', () => {
  const image = { width: 32, height: 16, data: new Uint8Array(32 * 16 * 3).fill(7) };

  it('goes there and back', async () => {
    await using pipeline = await SvgT2I.load({ pretrained, parts: ['autoencoder'] });
    const [result] = await pipeline.reconstruct([image]);
    expect(result).toMatchObject({ image: { width: 32, height: 16 }, psnr: Number.POSITIVE_INFINITY });
    expect(await pipeline.encode([])).toEqual([]);
  });

  it('refuses sides that are no multiple of 16 and arrays of the wrong length', async () => {
    await using pipeline = await SvgT2I.load({ pretrained, parts: ['autoencoder'] });
    const odd = { width: 17, height: 16, data: new Uint8Array(17 * 16 * 3) };
    await expect(pipeline.encode([odd])).rejects.toThrow('picture 0 is 17x16');
    await expect(pipeline.encode([{ ...image, data: new Uint8Array(3) }])).rejects.toThrow('3 bytes');
    const latent = { channels: 4, height: 1, width: 2, data: new Float32Array(3) };
    await expect(pipeline.decode([latent])).rejects.toThrow('3 numbers are no (4, 1, 2)');
  });
});

it('refuses everything after dispose', async () => {
  const pipeline = await SvgT2I.load({ pretrained });
  await pipeline.dispose();
  expect(disposals).toBe(1);
  expect(pipeline.disposed).toBe(true);
  await expect(pipeline.generate({ prompt: 'a', ...small })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_DISPOSED',
  });
  await expect(pipeline.decode([])).resolves.toEqual([]);
});

/** The AI SDK's provider over a pipeline: what a call becomes, and what is refused or remarked on. */
import type { ImageModelV3, ProviderV3 } from '@ai-sdk/provider';
import type { ImageModel as ImageModel7 } from 'ai-7';
import { describe, expect, it } from 'vitest';
import { sizeOfRatio } from '../../../lib/ai/call.js';
import { InProcessModel } from '../../../lib/ai/in-process.js';
import { type SvgT2IImageModel, svgT2I } from '../../../lib/ai.js';
import { FakePipeline } from './fake-pipeline.js';

// The compiler holds them against the AI SDK's types (`npm run typecheck`).
const model = (pipeline: FakePipeline): ImageModelV3 & SvgT2IImageModel =>
  svgT2I({ pipeline: pipeline as never }).image('grey');
const models: readonly ImageModel7[] = [
  svgT2I({ baseURL: 'http://127.0.0.1:1', specificationVersion: 'v4' }).image(),
  svgT2I({ baseURL: 'http://127.0.0.1:1' }).image(),
];
const call = { prompt: 'a red fox', n: 1 } as const;
const PNG = [0x89, 0x50, 0x4e, 0x47];

describe('a call', () => {
  it('draws on a proxy of the model too, as ai 7 makes of one of an older specification', async () => {
    const pipeline = new FakePipeline();
    await new Proxy(model(pipeline), {}).doGenerate({
      ...call,
      size: undefined,
      seed: undefined,
      aspectRatio: undefined,
      files: undefined,
      mask: undefined,
      providerOptions: {},
    });
    expect(pipeline.requests).toHaveLength(1);
  });

  it('draws n pictures with the settings of the call over those of providerOptions', async () => {
    const pipeline = new FakePipeline();
    const result = await model(pipeline).doGenerate({
      ...call,
      n: 2,
      size: '512x256',
      seed: 7,
      aspectRatio: undefined,
      files: undefined,
      mask: undefined,
      providerOptions: { svgT2I: { steps: 12, guidanceScale: 3, seed: 1, width: 64, height: 64 } },
    });
    expect(pipeline.requests).toEqual([
      {
        prompt: 'a red fox',
        steps: 12,
        guidanceScale: 3,
        width: 512,
        height: 256,
        seed: 7,
        count: 2,
        signal: undefined,
      },
    ]);
    expect(result.images.map((file) => [...file.slice(0, 4)])).toEqual([PNG, PNG]);
    expect(result.providerMetadata).toEqual({
      svgT2I: {
        images: [
          { prompt: 'grey', seed: 7 },
          { prompt: 'grey', seed: 8 },
        ],
      },
    });
    expect(result.response).toMatchObject({ modelId: 'grey', headers: undefined });
    expect(result.response.timestamp).toBeInstanceOf(Date);
    expect(result.warnings).toEqual([{ type: 'other', message: 'this is no model' }]);
  });

  it('draws at random without a seed, and leaves the rest to the model', async () => {
    const pipeline = new FakePipeline();
    await new InProcessModel(pipeline, 'grey', 'v3').doGenerate(call);
    expect(pipeline.requests).toEqual([{ prompt: 'a red fox', seed: 'random', count: 1, signal: undefined }]);
  });

  it('takes a class in place of the prompt, a format and its quality', async () => {
    const pipeline = new FakePipeline();
    const providerOptions = { svgT2I: { class: 'tabby cat', format: 'jpeg', quality: 50 } };
    const { images } = await new InProcessModel(pipeline, 'grey', 'v3').doGenerate({ n: 1, providerOptions });
    expect(pipeline.requests[0]).toMatchObject({ class: 'tabby cat' });
    expect(pipeline.requests[0]).not.toHaveProperty('prompt');
    expect([...(images[0] ?? []).slice(0, 2)]).toEqual([0xff, 0xd8]);
  });

  it('makes as many pixels of an aspect ratio as the usual picture has, in whole cells', async () => {
    const pipeline = new FakePipeline();
    await new InProcessModel(pipeline, 'grey', 'v3').doGenerate({ ...call, aspectRatio: '16:9' });
    expect(pipeline.requests[0]).toMatchObject({ width: 1360, height: 768 });
    const rules = { width: 64, height: 64, multiple: 16, mostSide: 128 };
    expect(sizeOfRatio(1, rules)).toEqual({ width: 64, height: 64 });
    expect(sizeOfRatio(100, rules)).toEqual({ width: 128, height: 16 });
  });

  it('remarks on what it cannot do', async () => {
    const options = { ...call, size: '64x64', aspectRatio: '1:1', files: [{}], mask: {} };
    const { warnings } = await new InProcessModel(new FakePipeline(), 'grey', 'v3').doGenerate(options);
    const features = warnings.map((warning) => (warning.type === 'unsupported' ? warning.feature : ''));
    expect(features).toEqual(['files', 'mask', 'aspectRatio', '']);
  });

  it('rejects with the reason of its signal', async () => {
    const reason = new Error('enough');
    const asked = new InProcessModel(new FakePipeline(), 'grey', 'v3').doGenerate({
      ...call,
      abortSignal: AbortSignal.abort(reason),
    });
    await expect(asked).rejects.toBe(reason);
  });

  it.each([
    [{ svgT2I: { stepz: 3 } }, /unknown key "stepz", did you mean "steps"\?/],
    [{ svgT2I: { count: 3 } }, /unknown key "count"/],
    [{ svgT2I: { guidanceScale: -1 } }, /providerOptions\.svgT2I: guidanceScale: must be at least 0/],
  ])('refuses %j before any work', async (providerOptions, message) => {
    const pipeline = new FakePipeline();
    const asked = new InProcessModel(pipeline, 'grey', 'v3').doGenerate({ ...call, providerOptions });
    await expect(asked).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(pipeline.requests).toEqual([]);
  });

  it.each([
    [{ size: '12' }, /size: must be WIDTHxHEIGHT/],
    [{ aspectRatio: '16/9' }, /aspectRatio: must be WIDTH:HEIGHT/],
    [{ aspectRatio: '0:9' }, /sides above 0/],
  ])('refuses %j', async (options, message) => {
    const asked = new InProcessModel(new FakePipeline(), 'grey', 'v3').doGenerate({ ...call, ...options });
    await expect(asked).rejects.toThrow(message);
  });
});

describe('the provider', () => {
  it('is one of the AI SDK, and has image models alone', () => {
    const provider = svgT2I({ pipeline: new FakePipeline() as never });
    const asProvider: Pick<ProviderV3, 'specificationVersion' | 'languageModel' | 'embeddingModel'> =
      provider;
    expect(asProvider.specificationVersion).toBe('v3');
    expect(provider.image()).toMatchObject({
      provider: 'svg-t2i',
      modelId: 'svg-t2i',
      specificationVersion: 'v3',
    });
    expect(() => provider.languageModel('gpt')).toThrow(
      expect.objectContaining({ name: 'AI_NoSuchModelError', modelId: 'gpt', modelType: 'languageModel' }),
    );
    const v4 = svgT2I({ baseURL: 'http://127.0.0.1:1', specificationVersion: 'v4' });
    expect(models).toHaveLength(2);
    expect(v4.imageModel('fox')).toMatchObject({ specificationVersion: 'v4', modelId: 'fox' });
  });

  it.each([
    [{}, /takes an object with a pipeline or a baseURL/],
    [{ pipeline: {} }, /pipeline: must be what SvgT2I\.load\(\) gave/],
    [{ baseURL: 'localhost' }, /baseURL: must be the address of a server/],
    [{ baseURL: 'http://localhost', apikey: 'x' }, /unknown key "apikey", did you mean "apiKey"\?/],
  ])('refuses %j', (options, message) => {
    expect(() => svgT2I(options as never)).toThrow(message);
  });
});

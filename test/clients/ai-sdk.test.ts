/** Version 6 of the Vercel AI SDK with both of its providers; docs/openai-api.md numbers what they depend on. */
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateImage } from 'ai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Served, served } from './served.js';

describe('ai 6', () => {
  let server: Served;

  beforeEach(async () => {
    server = await served();
  });
  afterEach(async () => {
    await server.close();
  });

  const ofOpenai = (id = 'squares') =>
    createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' }).image(id);
  const ofCompatible = () =>
    createOpenAICompatible({ baseURL: `${server.url}/v1`, name: 'mine' }).imageModel('squares');

  it('1, 2, 22: draws with the provider of OpenAI, whatever the model is called', async () => {
    for (const id of ['squares', 'gpt-image-1', 'dall-e-3', 'something']) {
      const { image } = await generateImage({ model: ofOpenai(id), prompt: 'a red fox', size: '64x64' });
      expect(image.mediaType).toBe('image/png');
      expect(image.uint8Array.length).toBeGreaterThan(50);
    }
  });

  it('1, 5: draws with the compatible provider, which passes settings on', async () => {
    const { image } = await generateImage({
      model: ofCompatible(),
      prompt: 'a red fox',
      providerOptions: { mine: { seed: 7, num_inference_steps: 3, output_format: 'webp' } },
    });
    expect(image.mediaType).toBe('image/webp');
    expect(server.model.begun[0]).toMatchObject({ seed: 7, steps: 3 });
  });

  it('20: splits a call for many pictures, which all differ', async () => {
    const { images } = await generateImage({ model: ofOpenai(), prompt: 'a red fox', n: 12 });
    expect(images).toHaveLength(12);
    expect(new Set(images.map(({ base64 }) => base64)).size).toBe(12);
    expect(server.requests).toHaveLength(12);
  });

  it('10, 11: has the words of an error, and does not send again what is wrong', async () => {
    const work = generateImage({ model: ofOpenai(), prompt: 'a red fox', size: '65x64' });
    await expect(work).rejects.toThrow(/multiple of 16/);
    expect(server.requests).toHaveLength(1);
  });

  it('13: ends the drawing when it is aborted', async () => {
    server.model.stepMs = 20;
    const controller = new AbortController();
    const work = generateImage({
      model: ofCompatible(),
      prompt: 'a red fox',
      providerOptions: { mine: { num_inference_steps: 200 } },
      abortSignal: controller.signal,
    });
    await server.until(() => server.model.begun.length === 1);
    controller.abort();
    await expect(work).rejects.toThrow();
    await server.until(() => server.model.aborted === 1);
  });
});

describe('12: a full queue', () => {
  it('is waited for, as long as the server says', async () => {
    const server = await served({ maxQueue: 0, maxBatch: 1 });
    try {
      const model = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' }).image('squares');
      const draw = () => generateImage({ model, prompt: 'a red fox' });
      // From the first one on the server knows how long a picture takes.
      await draw();
      server.model.hold();
      const first = draw();
      await server.until(() => server.model.begun.length === 2);
      const second = draw();
      await server.until(() => server.statuses.includes(429));
      server.model.release();
      const pictures = await Promise.all([first, second]);
      expect(pictures.map(({ images }) => images.length)).toEqual([1, 1]);
    } finally {
      await server.close();
    }
  });
});

// Bodies as programs write them: names, texts for numbers, null, auto, extra_body, mistakes.
import { describe, expect, it } from 'vitest';
import { drawBodySchema, parseDrawRequest } from '../../../lib/config/draw-request.js';
import { settingsSchema } from '../../../lib/config/request.js';
import { apiErrorOf, bodyName } from '../../../lib/serve/errors.js';

const parse = (body: unknown, unknown: 'refuse' | 'ignore' = 'refuse') => parseDrawRequest(body, { unknown });
function refusal(body: unknown) {
  try {
    parse(body);
  } catch (error) {
    return apiErrorOf(error);
  }
  throw new Error('it was taken');
}

describe('parseDrawRequest', () => {
  it('has a name for every setting of a picture, but those of a run', () => {
    const own = ['count', 'batchSize', 'seedMode'];
    const wanted = Object.keys(settingsSchema.shape).filter((key) => !own.includes(key));
    const sides = (name: string) => (name === 'width' || name === 'height' ? name : bodyName(name));
    for (const name of wanted) expect(Object.keys(drawBodySchema.shape)).toContain(sides(name));
  });

  it('leaves to the model what a body does not say', () => {
    expect(parse({ prompt: 'a' }).request).toEqual({
      ...{ model: undefined, prompt: 'a', class: undefined, n: 1, seed: undefined, settings: {} },
      ...{ format: 'png', quality: undefined, responseFormat: 'b64_json', stream: false },
      ...{ previews: 0, previewEvery: undefined },
    });
  });

  it('reads null and auto as left out, texts as numbers, extra_body as if it stood above', () => {
    const { request } = parse({
      ...{ prompt: 'a', model: null, size: 'auto', quality: 'auto', background: 'auto', moderation: 'low' },
      ...{ n: '2', stream: 'false', output_format: 'webp', output_compression: 0, steps: '7' },
      extra_body: { guidance_scale: '2.5', seed: 9, n: 5, negative_prompt: null },
    });
    expect(request).toMatchObject({ n: 2, stream: false, format: 'webp', quality: 1, seed: 9 });
    expect(request.settings).toEqual({ steps: 7, guidanceScale: 2.5 });
  });

  it('reads a size, or its sides', () => {
    expect(parse({ prompt: 'a', size: '64x32' }).request.settings).toEqual({ width: 64, height: 32 });
    expect(parse({ prompt: 'a', width: 64 }).request.settings).toEqual({ width: 64 });
    expect(refusal({ prompt: 'a', size: '64x32', width: 64 })).toMatchObject({ status: 400, param: 'size' });
  });

  it('takes a class without a prompt, and an empty prompt beside it', () => {
    expect(parse({ class: 207 }).request).toMatchObject({ class: 207, prompt: undefined });
    expect(parse({ class: 'tabby cat', prompt: '' }).request).toMatchObject({ prompt: undefined });
  });

  it('lists what it does not know, where it is to ignore that', () => {
    const { ignored, request } = parse({ prompt: 'a', logit_bias: {}, extra_body: { foo: 1 } }, 'ignore');
    expect([ignored, request.prompt]).toEqual([['foo', 'logit_bias'], 'a']);
  });

  it.each([
    Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1])),
    { prompt: 'a', ['x'.repeat(1e6)]: 1 },
    { class: 'x'.repeat(1e6) },
    { prompt: 'a', model: 'x'.repeat(1e6) },
    { prompt: 'a', size: 'x'.repeat(1e6) },
    Object.fromEntries(Array.from({ length: 90 }, (_, i) => ['y'.repeat(150) + i, 1])),
  ])('answers a large body of nonsense shortly (%#)', (body) => {
    expect(refusal(body).message.length).toBeLessThan(2000);
    expect(refusal({ ...body, n: 0 }).status).toBe(400);
  });

  it.each([
    [{ prompt: 'a', stepz: 5 }, 'stepz', /unknown key "stepz", did you mean "steps"/],
    [{ prompt: 'a', n: 0 }, 'n', /n: must be at least 1, got 0/],
    [{ prompt: 'a', n: 'two' }, 'n', /n: must be a number, got "two"/],
    [{ prompt: 'a', size: 'large' }, 'size', /WIDTHxHEIGHT/],
    [{ prompt: 'a', solver: 'ddim' }, 'solver', /must be one of dpm\+\+, euler/],
    [{ prompt: 'a', num_inference_steps: 1e6 }, 'num_inference_steps', /at most 1000/],
    [{ prompt: 'a', background: 'transparent' }, 'background', /no transparency/],
    [{ prompt: 7 }, 'prompt', /must be a text/],
    [{}, 'prompt', /must be a text, got nothing/],
    [{ prompt: 'a', extra_body: 5 }, 'extra_body', /must be an object/],
    [[], null, /must be a JSON object/],
    [{ prompt: 'a', seed: -1 }, 'seed', /at least 0/],
  ])('refuses %j', (body, param, message) => {
    const error = refusal(body);
    expect([error.status, error.param]).toEqual([400, param]);
    expect(error.message).toMatch(message);
  });
});

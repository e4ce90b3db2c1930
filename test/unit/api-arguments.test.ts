/** Whatever enters the API and makes no sense is refused by name, with a fix, before any work. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { releaseFiles, writeFiles } from './release.js';

const jobs: string[] = [];

vi.mock('../../lib/engine.js', async () => {
  const { MockEngine, blackPixels, loadedModels, noSeconds } = await import('./mock-engine.js');
  const create = async () =>
    new MockEngine(
      {
        load: () => ({ value: loadedModels }),
        sample: ({ items }) => ({
          value: { timings: noSeconds, evaluations: [] },
          tensors: Object.fromEntries(items.map((_, i) => [`image.${i}`, blackPixels(32, 16)])),
        }),
      },
      (kind) => jobs.push(kind),
    );
  return { Engine: { create } };
});

const { SvgT2I } = await import('../../lib/pipeline.js');

let pretrained: string;
let pipe: Awaited<ReturnType<typeof SvgT2I.load>>;
beforeAll(async () => {
  pretrained = mkdtempSync(join(tmpdir(), 'svg-arguments-'));
  const tokenizer = readFileSync(new URL('../golden/tokenizer/tokenizer.json', import.meta.url), 'utf8');
  writeFiles(pretrained, { ...releaseFiles(), 'gemma-2-2b/tokenizer.json': tokenizer });
  pipe = await SvgT2I.load({ pretrained });
});
afterAll(async () => {
  await pipe.dispose();
  rmSync(pretrained, { recursive: true });
});
beforeEach(() => {
  jobs.length = 0;
});

const shared = (bytes: number) => new SharedArrayBuffer(bytes);
const image = { width: 32, height: 16, data: new Uint8Array(32 * 16 * 3) };
const latent = { channels: 4, height: 1, width: 2, data: new Float32Array(8) };
const good = { prompt: 'a', width: 32, height: 16, steps: 2 };

/** A call that must be refused, and what its message must name. */
async function expectRefused(call: () => Promise<unknown>, message: string): Promise<void> {
  const error = await call().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    name: 'SvgT2IError',
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message: expect.stringContaining(message),
  });
  // From where it was called.
  expect((error as Error).stack).toContain('api-arguments.test');
  expect(jobs).toEqual([]);
}

describe('generate and stream', () => {
  it.each([
    [undefined, 'a request must be an object with a prompt or a class, got nothing'],
    [null, 'a request must be an object with a prompt or a class, got null'],
    ['a red circle', 'a request must be an object with a prompt or a class, got "a red circle"'],
    [['a'], 'a request must be an object'],
    [7n, 'got 7n'],
    [{}, 'prompt: must be a text or a list of texts, or a class be given, got nothing'],
    [{ ...good, prompt: null }, 'prompt: must be a text or a list of texts, got null'],
    [{ ...good, prompt: [] }, 'prompt: needs at least 1 of them'],
    [{ ...good, prompt: ['a', 5] }, 'prompt: must be a text or a list of texts'],
    [{ ...good, signal: {} }, 'signal: must be an AbortSignal, got {}'],
    [{ ...good, signal: null }, 'signal: must be an AbortSignal, got null'],
    [{ ...good, signal: new AbortController() }, 'signal: must be an AbortSignal'],
    [{ ...good, seed: 1n }, 'seed: must be a whole number from 0 to 2^53 - 1, or "random", got 1n'],
    [{ ...good, seed: -1 }, 'seed: must be at least 0'],
    [{ ...good, seed: '5' }, 'seed: must be a whole number'],
    [{ ...good, previewEvery: 'x' }, 'previewEvery: must be a number, got "x"'],
    [{ ...good, previewEvery: -1 }, 'previewEvery: must be at least 0, got -1'],
    [{ ...good, previewEvery: Number.NaN }, 'previewEvery: must be'],
    [{ ...good, previewEvery: 1.5 }, 'previewEvery: must be a whole number'],
    [{ ...good, noise: 5 }, 'noise: must be a list of Float32Arrays, one a picture, got 5'],
    [{ ...good, noise: [null] }, 'noise.0: must be a Float32Array'],
    [{ ...good, noise: [[1, 2]] }, 'noise.0: must be a Float32Array'],
    [{ ...good, noise: [new Float64Array(8)] }, 'noise.0: must be a Float32Array'],
    [
      { ...good, noise: [new Float32Array(shared(32))] },
      'noise.0: must be a Float32Array that no threads share',
    ],
    [{ ...good, noise: [] }, 'noise: 0 arrays were given for 1 pictures'],
    [{ ...good, prompt: ['a', 'b'], noise: [new Float32Array(8), new Float32Array(7)] }, 'noise: 7 numbers'],
    [{ ...good, only: [5] }, 'only: there is no picture 5 in a request of 1'],
    [{ ...good, count: 3, only: [0, 3] }, 'only: there is no picture 3 in a request of 3'],
    [{ ...good, only: [-1] }, 'only.0: must be at least 0'],
    [{ ...good, only: 'x' }, 'only: must be a list of picture numbers'],
    [{ ...good, returnLatents: 'yes' }, 'returnLatents: must be true or false'],
    [{ ...good, returnDecoded: 1 }, 'returnDecoded: must be true or false'],
    [{ ...good, previewEvry: 1 }, 'unknown key "previewEvry", did you mean "previewEvery"?'],
    [{ ...good, width: () => 5 }, 'width: must be a number, got a function'],
  ])('%o is refused', async (request, message) => {
    await expectRefused(() => pipe.generate(request as never), message);
    await expectRefused(async () => {
      for await (const event of pipe.stream(request as never)) expect(event).toBeUndefined();
    }, message);
  });

  it('says once that a seed is too large', async () => {
    const error = await pipe.generate({ ...good, seed: 2 ** 53 }).catch((thrown: Error) => thrown);
    expect((error as Error).message.match(/seed/g)).toHaveLength(1);
  });

  it('names everything that is wrong, each once', async () => {
    await expectRefused(
      () => pipe.generate({ ...good, steps: 0, seed: -1 }),
      'seed: must be at least 0, got -1; steps: must be at least 1, got 0',
    );
  });

  it('takes signals and arrays of another realm', async () => {
    const noise = runInNewContext('new Float32Array(8)') as Float32Array;
    const listeners = new Set<unknown>();
    const signal = {
      aborted: false,
      addEventListener: (_: string, listener: unknown) => listeners.add(listener),
      removeEventListener: (_: string, listener: unknown) => listeners.delete(listener),
    };
    await pipe.generate({ ...good, noise: [noise], signal: signal as never });
    expect(jobs).toEqual(['sample']);
    expect(listeners.size).toBe(0);
  });
});

describe('encode, decode, reconstruct, enhancePrompt', () => {
  it.each([
    [undefined, 'images: must be a list of pictures, got nothing'],
    [null, 'images: must be a list of pictures, got null'],
    ['abc', 'images: must be a list of pictures, got "abc"'],
    [image, 'images: must be a list of pictures'],
    [[null], 'images.0: must be a picture'],
    [[image, {}], 'images.1.width: must be a number, got nothing'],
    [[{ ...image, data: [1, 2, 3] }], 'images.0.data: must be a Uint8Array'],
    [[{ ...image, data: new Float32Array(5) }], 'images.0.data: must be a Uint8Array'],
    [
      [{ ...image, data: new Uint8Array(shared(32 * 16 * 3)) }],
      'images.0.data: must be a Uint8Array or Buffer that no',
    ],
    [[{ ...image, width: 1.5 }], 'images.0.width: must be a whole number'],
    [[{ ...image, width: 16 }], '1536 bytes are no 16x16 RGB picture'],
  ])('pictures %o are refused', async (images, message) => {
    await expectRefused(() => pipe.encode(images as never), message);
    await expectRefused(() => pipe.reconstruct(images as never), message);
  });

  it.each([
    [undefined, 'latents: must be a list of latents, got nothing'],
    [null, 'latents: must be a list of latents, got null'],
    ['abc', 'latents: must be a list of latents'],
    [[null], 'latents.0: must be a latent'],
    [
      [{ ...latent, data: new Float32Array(shared(32)) }],
      'latents.0.data: must be a Float32Array that no threads',
    ],
    [[{ ...latent, data: new Float64Array(8) }], 'latents.0.data: must be a Float32Array'],
    [[{ ...latent, channels: 0 }], 'latents.0.channels: must be at least 1'],
    [[{ ...latent, height: 3 }], '8 numbers are no (4, 3, 2)'],
  ])('latents %o are refused', async (latents, message) => {
    await expectRefused(() => pipe.decode(latents as never), message);
  });

  it.each([undefined, null, 5, ['a'], {}])('the prompt %o is refused', async (prompt) => {
    await expectRefused(() => pipe.enhancePrompt(prompt as never), 'prompt: must be a text');
  });

  it.each([
    [null, 'options: must be a mapping, got null'],
    [{ signal: 5 }, 'options.signal: must be an AbortSignal, got 5'],
    [{ signl: undefined }, 'unknown key "options.signl", did you mean "signal"?'],
  ])('the options %o are refused', async (options, message) => {
    await expectRefused(() => pipe.encode([image], options as never), message);
    await expectRefused(() => pipe.decode([latent], options as never), message);
    await expectRefused(() => pipe.reconstruct([image], options as never), message);
    await expectRefused(() => pipe.enhancePrompt('a', options as never), message);
  });
});

describe('load', () => {
  it.each([
    [null, 'load() takes an object, got null'],
    ['pre-trained', 'load() takes an object, got "pre-trained"'],
    [{ onProgress: 5 }, 'onProgress: must be a function, got 5'],
    [{ parts: ['foo'] }, 'parts.0: must be one of textEncoder, dit, autoencoder, statistics, got "foo"'],
    [{ parts: [] }, 'parts: needs at least 1 of them'],
    [{ parts: 'dit' }, 'parts: must be a list'],
    [{ signal: {} }, 'signal: must be an AbortSignal'],
    [{ pretrained: '' }, 'pretrained: must not be empty'],
    [{ pretrained: null }, 'pretrained: must be a text, got null'],
    [{ pretrained: 5 }, 'pretrained: must be a text, got 5'],
    [{ pretrained: new URL('https://example.org/x') }, 'pretrained: https://example.org/x is no path'],
    [{ dit: new URL('https://example.org/x') }, 'dit: https://example.org/x is no path'],
    [{ threads: 1n }, 'threads: must be a number, got 1n'],
    [{ device: 'gpu' }, 'device: must be auto, cpu, cuda or cuda:N'],
  ])('%o is refused', async (options, message) => {
    await expectRefused(() => SvgT2I.load(options as never), message);
  });

  it('takes a file: URL, as an object and as a text', async () => {
    const url = pathToFileURL(pretrained);
    for (const place of [url, url.href]) {
      await using other = await SvgT2I.load({ pretrained: place });
      expect(other.models.device).toBe('cpu');
    }
  });
});

it('hints at a fix', async () => {
  const hintOf = (request: unknown) =>
    pipe.generate(request as never).catch(({ hint }: { hint?: string }) => hint);
  expect(await hintOf({ ...good, signal: {} })).toContain('controller.signal');
  expect(await hintOf({ ...good, noise: [[1]] })).toContain('new Float32Array(numbers)');
  expect(await hintOf({ ...good, only: [5] })).toContain('from 0 to 0');
  expect(await hintOf('a')).toContain("{ prompt: 'a red circle'");
  expect(await hintOf({ ...good, seed: 1n })).toContain('Number(');
});

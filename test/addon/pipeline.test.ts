/** The pipeline on small random weights: what a seed, a size, a signal and a dispose mean. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeImage,
  type GenerateRequest,
  psnr,
  readImage,
  readParameters,
  requestFromParameters,
  SvgT2I,
} from '../../dist/index.js';
import { tinyReleaseFiles, writeTinyRelease } from '../../dist/release/tiny-release.js';

let folder: string;
let pipeline: SvgT2I;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-pipeline-'));
  await writeTinyRelease(join(folder, 'pre-trained'), 1);
  pipeline = await SvgT2I.load({ pretrained: folder, device: 'cpu', dtype: 'fp32' });
});
afterAll(async () => {
  await pipeline?.dispose();
  rmSync(folder, { recursive: true });
});

const small = { prompt: 'a red circle', width: 64, height: 32, steps: 4, guidanceScale: 3 } as const;

async function pixels(request: GenerateRequest): Promise<Uint8Array> {
  const [image] = (await pipeline.generate(request)).images;
  if (image === undefined) throw new Error('no picture');
  return image.data;
}

describe('a picture', () => {
  it('has the size that was asked for, the right way round', async () => {
    const [image] = (await pipeline.generate(small)).images;
    expect(image).toMatchObject({ width: 64, height: 32 });
    expect(image?.data).toHaveLength(64 * 32 * 3);
    expect(new Set(image?.data).size).toBeGreaterThan(10);
  });

  it('is the same again, and another for another seed or prompt', async () => {
    const first = await pixels(small);
    expect(await pixels(small)).toEqual(first);
    expect(await pixels({ ...small, seed: 1 })).not.toEqual(first);
    expect(await pixels({ ...small, prompt: 'a blue square' })).not.toEqual(first);
    expect(await pixels({ ...small, negativePrompt: 'blur' })).not.toEqual(first);
  });

  it('is another for seeds that differ in their high words', async () => {
    const seeds = [7, 2 ** 32 + 7, 2 ** 33 + 7, 2 ** 52 + 7, Number.MAX_SAFE_INTEGER];
    const drawn: Uint8Array[] = [];
    for (const seed of seeds) drawn.push(await pixels({ ...small, seed }));
    for (const [i, one] of drawn.entries()) {
      for (const other of drawn.slice(i + 1)) expect(Buffer.compare(one, other)).not.toBe(0);
    }
    // A run that counts across 2^32 does not begin again.
    const { images } = await pipeline.generate({ ...small, seed: 2 ** 32 - 1, count: 2 });
    expect(images[1]?.data).not.toEqual(await pixels({ ...small, seed: 0 }));
  });

  it('is written to a file by its ending', async () => {
    const [image] = (await pipeline.generate(small)).images;
    for (const name of ['a.png', 'b.jpg', 'c.webp']) {
      await image?.save(join(folder, name));
      expect(await readParameters(readFileSync(join(folder, name)))).toMatchObject({ seed: 0 });
    }
    await image?.save(pathToFileURL(join(folder, 'd.png')));
    expect((await readImage(join(folder, 'd.png'))).data).toEqual(image?.data);
    await expect(image?.save(join(folder, 'e.avif'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    });
    await expect(image?.save(5 as never)).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  });

  it('is no WebP where another format was asked for', async () => {
    const [image] = (await pipeline.generate(small)).images;
    const jpeg = (await image?.encode('jpg')) ?? new Uint8Array();
    expect([...jpeg.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    for (const format of ['avif', undefined, null, 5]) {
      await expect(image?.encode(format as never)).rejects.toMatchObject({
        code: 'ERR_SVGT2I_INVALID_ARGUMENT',
        message: expect.stringContaining('format: must be one of'),
      });
    }
  });

  it('depends on its own seed, not on its companions', async () => {
    const { images } = await pipeline.generate({ ...small, count: 3, seed: 5 });
    const together = await pipeline.generate({ ...small, count: 3, seed: 5, batchSize: 3 });
    for (const [i, image] of images.entries()) {
      expect(image.data).toEqual(await pixels({ ...small, seed: 5 + i }));
      const companion = together.images[i];
      // Rows of a larger product may be summed in another order: at most a level apart.
      if (companion !== undefined) expect(psnr(image, companion)).toBeGreaterThan(50);
    }
  });

  it('can start from given noise', async () => {
    const channels = pipeline.models.dit?.channels ?? 0;
    const noise = Float32Array.from({ length: channels * 2 * 4 }, (_, i) => Math.sin(i));
    const first = await pixels({ ...small, noise: [noise] });
    expect(await pixels({ ...small, seed: 9, noise: [noise] })).toEqual(first);
    expect(await pixels(small)).not.toEqual(first);
  });

  it('is stored with its parameters in every format', async () => {
    const [image] = (await pipeline.generate({ ...small, prompt: 'ein roter Kreis 圆' })).images;
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const bytes = (await image?.encode(format)) ?? new Uint8Array();
      expect(await readParameters(bytes)).toMatchObject({
        prompt: 'ein roter Kreis 圆',
        seed: 0,
        dtype: 'fp32',
      });
    }
    const decoded = await decodeImage((await image?.png()) ?? new Uint8Array());
    expect(Buffer.compare(decoded.data, image?.data ?? new Uint8Array())).toBe(0);
  });
});

it.each([
  { solver: 'dpm++', order: 1 },
  { solver: 'dpm++', order: 3 },
  { solver: 'dpm++', method: 'singlestep' },
  { solver: 'dpm++', skipType: 'time_uniform' },
  { solver: 'dpm++', skipType: 'time_quadratic' },
  { solver: 'dpm++', skipType: 'logSNR' },
  { solver: 'euler' },
  { solver: 'midpoint' },
  { solver: 'heun' },
  { solver: 'rk4' },
  { solver: 'heun3' },
  { solver: 'dopri5' },
  { solver: 'bosh3' },
  { solver: 'fehlberg2' },
  { solver: 'adaptive_heun' },
  { guidanceMode: 'standard' },
  { guidanceUntil: 0.5 },
  { guidanceScale: 1 },
] as const)('%j draws', async (settings) => {
  expect(new Set(await pixels({ ...small, ...settings })).size).toBeGreaterThan(10);
});

it.each([
  [{ guidanceScale: 3 }, 4, 4],
  [{ guidanceScale: 1 }, 4, 0],
  [{ guidanceScale: 1, renorm: 0.5 }, 4, 0],
  [{ guidanceUntil: 0 }, 4, 0],
  [{ solver: 'rk4', guidanceScale: 2 }, 12, 12],
] as const)(
  '%j asks the model %i times, %i of them with the negative prompt',
  async (settings, all, both) => {
    const counts = { evaluations: all, unconditionalEvaluations: both };
    const run = await pipeline.generate({ ...small, ...settings, count: 2, batchSize: 2 });
    expect(run.timings).toMatchObject({ evaluations: 2 * all, unconditionalEvaluations: 2 * both });
    for (const { metadata } of run.images) expect(metadata).toMatchObject(counts);
  },
);

describe('a step cache', () => {
  const settings = { ...small, steps: 12, guidanceUntil: 0.3 } as const;

  it('draws the bits of no cache where its threshold skips nothing', async () => {
    const plain = await pipeline.generate(settings);
    const cached = await pipeline.generate({ ...settings, stepCache: 1e-9 });
    expect(cached.images[0]?.data).toEqual(plain.images[0]?.data);
    expect(cached.timings).toMatchObject({ evaluations: 12, reusedEvaluations: 0 });
    expect(cached.images[0]?.metadata).toMatchObject({ stepCache: 1e-9, evaluations: 12 });
    expect(plain.images[0]?.metadata).not.toHaveProperty('stepCache');
    expect(plain.images[0]?.metadata).not.toHaveProperty('reusedEvaluations');
  });

  it('computes the first and the last step, and says how many', async () => {
    const plain = await pipeline.generate(settings);
    const asked = plain.timings.evaluations + plain.timings.unconditionalEvaluations;
    const cached = { ...settings, stepCache: 1000 };
    const { images, timings } = await pipeline.generate(cached);
    // With the prompt: first and last; without: its first alone, since guidance ends before the last step.
    expect(timings).toMatchObject({
      evaluations: 2,
      unconditionalEvaluations: 1,
      reusedEvaluations: asked - 3,
    });
    expect(images[0]?.metadata).toMatchObject({
      evaluations: 2,
      reusedEvaluations: asked - 3,
      stepCache: 1000,
    });
    expect(images[0]?.data).not.toEqual(plain.images[0]?.data);
    const rescaled = await pipeline.generate({ ...cached, stepCache: 1, stepCacheRescale: 'lumina2-v1' });
    expect(rescaled.images[0]?.metadata).toMatchObject({ stepCacheRescale: 'lumina2-v1' });
  });

  it('decides for each picture of a batch as for the picture alone', async () => {
    const cached = { ...settings, stepCache: 0.2 };
    const together = await pipeline.generate({ ...cached, count: 3, batchSize: 3 });
    for (const [index, image] of together.images.entries()) {
      const [alone] = (await pipeline.generate({ ...cached, seed: index })).images;
      expect(image.metadata.reusedEvaluations).toBe(alone?.metadata.reusedEvaluations);
      expect(psnr(image, alone ?? image)).toBeGreaterThan(50);
    }
  });

  it('is repeated from what the picture carries', async () => {
    const [first] = (await pipeline.generate({ ...settings, stepCache: 0.2 })).images;
    const parameters = await readParameters((await first?.encode('png')) ?? new Uint8Array());
    const again = requestFromParameters(parameters ?? {});
    expect(again).toMatchObject({ stepCache: 0.2 });
    expect((await pipeline.generate(again)).images[0]?.data).toEqual(first?.data);
  });
});

it('at scale 1 the negative prompt changes nothing, whatever the renorm', async () => {
  const settings = { ...small, guidanceScale: 1, renorm: 0.5 };
  const alone = await pixels(settings);
  expect(await pixels({ ...settings, negativePrompt: 'a blue square' })).toEqual(alone);
  expect(await pixels({ ...small, guidanceScale: 1 })).not.toEqual(alone);
});

describe('a run', () => {
  it('tells its stages in order', async () => {
    const types: string[] = [];
    for await (const event of pipeline.stream({ ...small, previewEvery: 2 })) types.push(event.type);
    expect(types).toEqual(['encode', 'step', 'step', 'preview', 'step', 'step', 'decode', 'image', 'done']);
  });

  it('tells no step after its signal, and ends with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let stepsAfter = 0;
    const run = async () => {
      for await (const event of pipeline.stream({ ...small, steps: 500, signal: controller.signal })) {
        if (event.type !== 'step') continue;
        if (controller.signal.aborted) stepsAfter++;
        controller.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(stepsAfter).toBe(0);
    // The engine is free for the next one.
    await pixels(small);
  });

  it('leaves the event loop free', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await pipeline.generate({ ...small, width: 256, height: 256, steps: 10 });
    clearInterval(timer);
    // A loop that computes itself turns once a step. How long one turn takes is measured on a quiet machine.
    expect(turns).toBeGreaterThan(30);
  });

  it('rejects when the pipeline is disposed under it', async () => {
    // One picture at a time, so that the second one waits.
    const other = await SvgT2I.load({ pretrained: folder, device: 'cpu', dtype: 'fp32', maxBatchTokens: 1 });
    const run = other.generate({ ...small, steps: 500 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const waiting = other.generate({ ...small, steps: 500 });
    const error = {
      name: 'DisposedError',
      code: 'ERR_SVGT2I_DISPOSED',
      message: expect.stringContaining('The pipeline was disposed'),
    };
    const refused = Promise.all([run, waiting].map((call) => expect(call).rejects.toMatchObject(error)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await other.dispose();
    await refused;
  });

  it('lets go of what waits at once when it is aborted', async () => {
    const running = new AbortController();
    let ended = false;
    const events = pipeline.stream({ ...small, steps: 1000, count: 1000, signal: running.signal });
    await events.next();
    const first = (async () => {
      for await (const event of events) expect(event.type).not.toBe('done');
    })().catch(() => {
      ended = true;
    });
    const reason = new Error('the client left');
    const picture = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3) };
    const latent = { channels: 64, height: 1, width: 1, data: new Float32Array(64) };
    const calls = [
      (signal: AbortSignal) => pipeline.generate({ ...small, signal }),
      (signal: AbortSignal) => pipeline.encode([picture], { signal }),
      (signal: AbortSignal) => pipeline.decode([latent], { signal }),
      (signal: AbortSignal) => pipeline.reconstruct([picture], { signal }),
      (signal: AbortSignal) => pipeline.enhancePrompt('a cat', { signal }),
    ];
    for (const call of calls) {
      const left = new AbortController();
      const waiting = call(left.signal);
      left.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      expect(ended).toBe(false);
    }
    running.abort();
    await first;
    await pixels(small);
  });

  it('tells failures with the place that asked for it', async () => {
    const theCaller = async () =>
      pipeline.decode([{ channels: 3, height: 1, width: 1, data: new Float32Array(3) }]);
    const error = await theCaller().catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT', job: 'decode' });
    expect((error as Error).stack).toContain('theCaller');
    const drawing = async () =>
      pipeline.generate({ ...small, noise: [new Float32Array(64 * 2 * 4).fill(Number.NaN)] });
    const failed = await drawing().catch((thrown: Error) => thrown);
    expect(failed).toMatchObject({ code: 'ERR_SVGT2I_NUMERIC', job: 'sample' });
    expect((failed as Error).stack).toContain('drawing');
  });

  it('warns about a prompt that is too long', async () => {
    const { warnings } = await pipeline.generate({ ...small, prompt: 'x'.repeat(2000) });
    expect(warnings).toEqual([expect.stringContaining('longer than 512 tokens')]);
  });
});

describe('the autoencoder', () => {
  it('encodes to features of a sixteenth of the side and back', async () => {
    const image = { width: 48, height: 32, data: new Uint8Array(48 * 32 * 3).map((_, i) => i % 251) };
    const [latent] = await pipeline.encode([image]);
    expect(latent).toMatchObject({ channels: 64, width: 3, height: 2 });
    const [decoded] = await pipeline.decode(latent === undefined ? [] : [latent]);
    expect(decoded).toMatchObject({ width: 48, height: 32 });
    const [result] = await pipeline.reconstruct([image]);
    expect(result?.image.data).toEqual(decoded?.data);
    expect(result?.psnr).toBeGreaterThan(0);
  });

  it('loads and works alone', async () => {
    await using alone = await SvgT2I.load({ pretrained: folder, device: 'cpu', parts: ['autoencoder'] });
    expect(alone.models.autoencoder).toMatchObject({ kind: 'P', canEncode: true });
    await expect(alone.enhancePrompt('x')).rejects.toMatchObject({ code: 'ERR_SVGT2I_NOT_LOADED' });
  });
});

it('refuses to enhance what is longer than the text encoder can go on from', async () => {
  await expect(pipeline.enhancePrompt('a cat '.repeat(20_000))).rejects.toMatchObject({
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message: expect.stringMatching(/too long to be enhanced: .* the limit is 7996/) as unknown,
  });
});

it('enhances a prompt, always the same way', async () => {
  const first = await pipeline.enhancePrompt('a cat');
  expect(first).not.toBe('');
  expect(await pipeline.enhancePrompt('a cat')).toBe(first);
});

describe('a pipeline that nobody holds any more', () => {
  const script = (body: string) =>
    spawnSync(process.execPath, ['--input-type=module', '--expose-gc', '-e', body], {
      encoding: 'utf8',
      timeout: 120_000,
    });
  const imports = `import { readdirSync } from 'node:fs';
    import { SvgT2I } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    const threads = () => readdirSync('/proc/self/task').length;
    const load = () => SvgT2I.load({ pretrained: ${JSON.stringify('FOLDER')}, device: 'cpu', threads: 1 });
    await (await load()).dispose();
    const before = threads();
    const settle = async (done) => {
      for (let i = 0; i < 500 && !done(); i++) { gc(); await new Promise((r) => setTimeout(r, 10)); }
    };`;

  it('is freed, and the first one is told', () => {
    const body = `${imports.replace('FOLDER', folder)}
      const warnings = [];
      process.on('warning', (warning) => warnings.push(warning));
      const draw = async () => {
        const pipe = await load();
        await pipe.generate({ prompt: 'a circle', width: 16, height: 16, steps: 2 });
      };
      for (let i = 0; i < 3; i++) await draw();
      await settle(() => warnings.length > 0 && threads() <= before);
      console.log(threads() <= before, warnings.map(({ code }) => code).join());`;
    const { status, stdout, stderr } = script(body);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'true SVGT2I_NOT_DISPOSED\n' });
    expect(stderr).toContain('collected without dispose()');
    expect(stderr).toContain('await pipe.dispose()');
  });

  it('is not freed while it draws for somebody, and says nothing when it was disposed of', () => {
    const body = `${imports.replace('FOLDER', folder)}
      const start = async () => (await load()).generate({ prompt: 'a circle', width: 16, height: 16, steps: 200 });
      const drawing = start();
      let drawn = false;
      drawing.then(() => { drawn = true; });
      await settle(() => drawn);
      console.log((await drawing).images.length);
      const used = async () => { const pipe = await load(); await pipe.dispose(); };
      await used();
      let collected = false;
      new FinalizationRegistry(() => { collected = true; }).register((() => ({}))(), 0);
      await settle(() => collected);
      process.on('warning', ({ code }) => console.log('warned', code));`;
    expect(script(body).stdout).toMatch(/^1\n(warned SVGT2I_NOT_DISPOSED\n)?$/);
  });
});

it('has one message for a device that is not there', async () => {
  await expect(SvgT2I.load({ pretrained: folder, device: 'cuda:99' })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_DEVICE_UNAVAILABLE',
  });
});

describe('model_args.json beside a transformer', () => {
  const args = () => join(folder, 'pre-trained', dirname(tinyReleaseFiles.dit), 'model_args.json');
  const model = { in_channels: 64, cap_feat_dim: 64, dim: 96, n_layers: 2, n_heads: 2, n_kv_heads: 1 };
  const write = (values: object) =>
    writeFileSync(args(), JSON.stringify({ ...model, n_refiner_layers: 1, ...values }));
  afterEach(() => rmSync(args()));

  it('says how heads are divided, which weights do not', async () => {
    const expected = await pixels(small);
    for (const [axes, isSame] of [[[16, 16, 16], true] as const, [[8, 20, 20], false] as const]) {
      write({ axes_dims: axes });
      await using other = await SvgT2I.load({ pretrained: folder, device: 'cpu', dtype: 'fp32' });
      const [image] = (await other.generate(small)).images;
      expect(Buffer.compare(image?.data ?? new Uint8Array(), expected) === 0).toBe(isSame);
    }
  });

  it.each([
    [{ n_layers: 3 }, 'ERR_SVGT2I_WEIGHTS_MISMATCH', /n_layers 3/],
    [{ axis_dims: [16, 16, 16] }, 'ERR_SVGT2I_INVALID_CONFIG', /did you mean "axes_dims"/],
    [{ axes_dims: [16, 16, 32] }, 'ERR_SVGT2I_INVALID_CONFIG', /add up to 64/],
  ])('is held against the weights: %j', async (values, code, message) => {
    write(values);
    const refused = SvgT2I.load({ pretrained: folder, device: 'cpu' });
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

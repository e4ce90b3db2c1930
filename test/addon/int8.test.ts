/** int8 as users meet it: files that `convert --quantize` writes, what is loaded of them, and what a picture says. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelSchema } from '../../dist/config/model.js';
import { settingsWithRules } from '../../dist/config/request.js';
import { Engine } from '../../dist/engine.js';
import { estimateFor } from '../../dist/estimate/release.js';
import { psnr } from '../../dist/image/psnr.js';
import {
  convertWeights,
  inspectWeights,
  type LoadOptions,
  readParameters,
  requestFromParameters,
  SvgT2I,
  verifyWeights,
} from '../../dist/index.js';
import { FoundRelease } from '../../dist/release/found-release.js';
import { tinyReleaseFiles, writeTinyRelease } from '../../dist/release/tiny-release.js';
import { readMetadata, readSafetensors, renamed, writeSafetensors } from '../unit/safetensors.js';

let folder: string;
let release: string;
let dit: string;
let textEncoder: string;

const small = { prompt: 'a red circle', width: 64, height: 32, steps: 3, guidanceScale: 3, seed: 5 } as const;

const load = (options: LoadOptions) =>
  SvgT2I.load({ pretrained: release, device: 'cpu', threads: 1, ...options });

async function draw(options: LoadOptions) {
  await using pipeline = await load(options);
  const [image] = (await pipeline.generate(small)).images;
  if (image === undefined) throw new Error('no picture');
  return {
    data: image.data,
    metadata: image.metadata,
    warnings: pipeline.warnings,
    image,
    models: pipeline.models,
  };
}

async function modelsOf(pipeline: SvgT2I) {
  await pipeline.dispose();
  return pipeline.models;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-int8-'));
  release = join(folder, 'pre-trained');
  await writeTinyRelease(release, 1);
  [dit, textEncoder] = [join(folder, 'dit-int8'), join(folder, 'text-int8')];
  await convertWeights(join(release, 'dit-tiny'), dit, { quantize: 'int8' });
  await convertWeights(join(release, tinyReleaseFiles.textEncoder), textEncoder, { quantize: 'int8' });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('files of int8 weights', () => {
  it('draw what --dtype int8 draws of the files that they were made from, bit for bit', async () => {
    const plain = await draw({ dtype: 'int8' });
    expect(plain.metadata.dtype).toBe('int8');
    expect(plain.models.dit?.dtype).toBe('int8');
    const stored = await draw({ dit, textEncoder, dtype: 'int8' });
    expect(Buffer.from(stored.data).equals(Buffer.from(plain.data))).toBe(true);
    expect(stored.metadata.dtype).toBe('int8');
    expect(stored.models.textEncoder?.dtype).toBe('int8');
    // Beside them `auto` decodes in bf16 where the processor has it.
    const found = await draw({ dit, textEncoder, dtype: 'auto' });
    expect(found.models).toMatchObject({ dtype: 'int8', textEncoder: { dtype: 'int8' } });
    expect(found.metadata.dtype).toBe('auto');
  });

  it('are counted by an estimate under auto as they are loaded: each part as its file says', async () => {
    const count = async (options: LoadOptions, probeSeconds = 0) => {
      const found = new FoundRelease(modelSchema.parse({ pretrained: release, device: 'cpu', ...options }));
      const { dtype, memory, alternatives, time } = await estimateFor(found, {
        settings: settingsWithRules.parse({ width: 64, height: 64 }),
        prompts: 1,
        promptTokens: 8,
        probeSeconds,
      });
      expect((time?.run ?? 0) > 0).toBe(probeSeconds > 0);
      expect(alternatives[0]).toMatchObject({ dtype, total: memory.total });
      expect(alternatives.map((one) => one.dtype).sort()).toEqual(['bf16', 'fp32', 'int8']);
      return { dtype, weights: memory.weights };
    };
    const plain = await count({});
    const rounded = (await count({ dtype: 'int8' })).weights;
    expect(rounded.textEncoder).toBeLessThan(plain.weights.textEncoder ?? 0);
    const { dit: ofDit = 0, textEncoder: ofText = 0 } = rounded;
    const int8 = (parts: typeof rounded) => ({ ...plain.weights, ...parts });
    expect(await count({ dit }, 0.02)).toEqual({ dtype: 'int8', weights: int8({ dit: ofDit }) });
    expect(await count({ textEncoder })).toEqual({
      dtype: plain.dtype,
      weights: int8({ textEncoder: ofText }),
    });
    expect(await count({ dit, textEncoder })).toEqual({
      dtype: 'int8',
      weights: int8({ dit: ofDit, textEncoder: ofText }),
    });
  });

  it('are multiplied out in another precision, which is told', async () => {
    const out = join(folder, 'dit-out');
    await convertWeights(dit, join(out, 'model.safetensors'), { dtype: 'fp32' });
    const wanted = await draw({ dit: out, dtype: 'fp32' });
    const seen = await draw({ dit, dtype: 'fp32' });
    expect(Buffer.from(seen.data).equals(Buffer.from(wanted.data))).toBe(true);
    expect(seen.metadata.dtype).toBe('fp32');
    expect(seen.warnings).toContainEqual(expect.stringMatching(/dit-int8.*multiplied out to fp32/));
    expect(wanted.warnings).toEqual([]);
  });

  it('may stand beside plain ones: each part goes as its file says, and the picture is drawn again so', async () => {
    const mixed = await draw({ dit, dtype: 'auto' });
    expect(mixed.models.dit?.dtype).toBe('int8');
    expect(mixed.models.textEncoder?.dtype).not.toBe('int8');
    expect(mixed.metadata.dtype).toBe('auto');
    const parameters = await readParameters(await mixed.image.encode('png'));
    if (parameters === undefined) throw new Error('the picture carries nothing');
    await using pipeline = await load({ dit, dtype: 'auto' });
    const [again] = (await pipeline.generate(requestFromParameters(parameters))).images;
    expect(again?.data).toEqual(mixed.data);
  });

  it('guide away from a weaker one, of int8 or plain', async () => {
    const plain = join(release, 'dit-tiny');
    const weak = join(folder, 'weak');
    await using engine = await Engine.create({ device: 'cpu', threads: 1 });
    const { channels, captionDim } = (await load({ dtype: 'fp32' }).then(modelsOf)).dit ?? {};
    const config = {
      ...{ in_channels: channels, cap_feat_dim: captionDim, dim: 96, n_layers: 1, n_refiner_layers: 1 },
      ...{ n_heads: 2, n_kv_heads: 1, multiple_of: 32 },
    };
    const path = join(weak, 'consolidated.00-of-01.safetensors');
    mkdirSync(weak);
    await engine.run('init-weights', { model: 'next_dit', config, path, seed: 9, values: 'random' });
    const weakInt8 = join(folder, 'weak-int8');
    await convertWeights(weak, weakInt8, { quantize: 'int8' });
    const rounded = await draw({ dit: plain, weakDit: weak, dtype: 'int8' });
    const stored = await draw({ dit, weakDit: weakInt8, dtype: 'int8' });
    expect(Buffer.from(stored.data).equals(Buffer.from(rounded.data))).toBe(true);
    const alone = await draw({ dit, dtype: 'int8' });
    expect(Buffer.from(alone.data).equals(Buffer.from(stored.data))).toBe(false);
    // Each of the two goes as its file says.
    const mixed = await draw({ dit: plain, weakDit: weakInt8, dtype: 'auto' });
    expect(mixed.models.dit?.dtype).not.toBe('int8');
    const plainBoth = await draw({ dit: plain, weakDit: weak, dtype: 'auto' });
    expect(psnr(mixed.image, plainBoth.image)).toBeGreaterThan(25);
    expect(Buffer.from(mixed.data).equals(Buffer.from(plainBoth.data))).toBe(false);
    const out = await draw({ dit: plain, weakDit: weakInt8, dtype: 'fp32' });
    expect(out.warnings).toEqual([expect.stringMatching(/weak-int8.*multiplied out to fp32/)]);
  });

  it('whose names are wrapped are remarked on once, though auto looks before it chooses', async () => {
    const wrapped = join(folder, 'wrapped');
    cpSync(dit, wrapped, { recursive: true });
    const file = join(wrapped, 'model.safetensors');
    const [tensors, metadata] = [readSafetensors(file), readMetadata(file)];
    writeSafetensors(
      file,
      renamed(tensors, (name) => `module.${name}`),
      metadata,
    );
    const { warnings, data } = await draw({ dit: wrapped, textEncoder, dtype: 'auto' });
    expect(warnings.filter((text) => text.includes('taken off'))).toHaveLength(1);
    const { data: wanted } = await draw({ dit, textEncoder, dtype: 'auto' });
    expect(Buffer.from(data).equals(Buffer.from(wanted))).toBe(true);
  });

  it('are named by inspect and held to their promises by verify', async () => {
    const seen = await inspectWeights(dit);
    expect(seen.kind).toBe('next-dit');
    expect(seen.description).toMatch(/int8: \d+ of \d+ matrices/);
    expect(seen.int8?.leftOut).toContain('x_embedder.weight');
    const plain = await inspectWeights(join(release, 'dit-tiny'));
    expect(seen.parameters).toBe(plain.parameters);
    expect((await verifyWeights(dit)).ok).toBe(true);
    const text = await inspectWeights(textEncoder);
    expect(text.int8?.leftOut).toEqual([expect.stringMatching(/embed_tokens\.weight$/)]);
    expect((await verifyWeights(textEncoder)).ok).toBe(true);
  });

  it('that are damaged are refused with their fault, by loading and by verify', async () => {
    const file = join(dit, 'model.safetensors');
    const bytes = readFileSync(file);
    const copy = join(folder, 'damaged');
    cpSync(dit, copy, { recursive: true });
    // The key of the layout is in the header alone: another version is a change of one character.
    const at = bytes.indexOf('{\\"version\\":1,');
    expect(at).toBeGreaterThan(0);
    bytes[at + '{\\"version\\":'.length] = '7'.charCodeAt(0);
    writeFileSync(join(copy, 'model.safetensors'), bytes);
    await expect(load({ dit: copy })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringContaining('version 7'),
      hint: expect.stringContaining('newer svg-t2i'),
    });
    const { ok, problems } = await verifyWeights(copy);
    expect([ok, problems.length]).toEqual([false, 1]);
  });

  it('without what says so are other quantised weights, which are refused with the way', async () => {
    const bare = join(folder, 'bare.safetensors');
    writeSafetensors(bare, readSafetensors(join(dit, 'model.safetensors')));
    await expect(load({ dit: bare })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
      hint: expect.stringContaining('convert --quantize int8'),
    });
  });
});

it('an autoencoder alone is in fp32 under int8, and says so', async () => {
  await using pipeline = await load({ dtype: 'int8', parts: ['autoencoder'] });
  expect([pipeline.models.dtype, pipeline.warnings]).toEqual(['fp32', []]);
});

describe('int8 is refused', () => {
  it('for an autoencoder, and for what is int8 already', async () => {
    const out = join(folder, 'never.safetensors');
    await expect(
      convertWeights(join(release, tinyReleaseFiles.autoencoder), out, { quantize: 'int8' }),
    ).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('nothing of it is computed in int8'),
      hint: expect.stringContaining('leave --quantize out'),
    });
    await expect(convertWeights(dit, out, { quantize: 'int8' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('is int8 already'),
    });
  });

  it('on a GPU, before anything is looked for', async () => {
    await expect(
      SvgT2I.load({ pretrained: '/nowhere', device: 'cuda', dtype: 'int8' }),
    ).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_CONFIG', hint: expect.stringContaining('bf16') });
  });
});

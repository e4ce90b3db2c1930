/** int8 as users meet it: files that `convert --quantize` writes, what is loaded of them, and what a picture says. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelSchema } from '../../dist/config/model.js';
import { settingsWithRules } from '../../dist/config/request.js';
import { estimateFor } from '../../dist/estimate/release.js';
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
import { readSafetensors, writeSafetensors } from '../unit/safetensors.js';

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

  it('are counted as int8 by an estimate under auto', async () => {
    const found = new FoundRelease(modelSchema.parse({ pretrained: release, dit, device: 'cpu' }));
    const { dtype } = await estimateFor(found, {
      settings: settingsWithRules.parse({ width: 64, height: 64 }),
      prompts: 1,
      promptTokens: 8,
      probeSeconds: 0,
    });
    expect(dtype).toBe('int8');
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

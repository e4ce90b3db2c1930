import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config/load.js';
import { modelSchema } from '../../lib/config/model.js';
import { nearest } from '../../lib/config/nearest.js';
import { requestSchema } from '../../lib/config/request.js';
import { sampleConfigSchema } from '../../lib/config/sample.js';
import { validate } from '../../lib/config/validate.js';
import { SvgT2IError } from '../../lib/errors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svg-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

function refusal(run: () => unknown): SvgT2IError {
  try {
    run();
  } catch (error) {
    if (SvgT2IError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a request', () => {
  test('has the defaults of the published sampling script', () => {
    expect(validate(requestSchema, { prompt: 'x' })).toMatchObject({
      width: 1024,
      height: 1024,
      steps: 50,
      solver: 'dpm++',
      guidanceScale: 4,
      guidanceMode: 'renorm',
      systemPrompt: 'base',
      seed: 0,
    });
  });

  test.each([
    [{ prompt: 'x', steps: 0 }, 'steps: must be at least 1, got 0'],
    [{ prompt: 'x', steps: 2.5 }, 'steps: must be a whole number, got 2.5'],
    [{ prompt: 'x', steps: Number.NaN }, 'steps: must be a number, got NaN'],
    [{ prompt: 'x', width: 100 }, 'width: must be a multiple of 16, got 100'],
    [{ prompt: 'x', height: 8208 }, 'height: must be at most 8192, got 8208'],
    [{ prompt: 'x', width: 0 }, 'width: must be at least 16, got 0'],
    [
      { prompt: 'x', solver: 'ddim' },
      'solver: must be one of dpm++, euler, midpoint, heun, heun3, rk4, dopri5, bosh3, fehlberg2, adaptive_heun, got "ddim"',
    ],
    [{ prompt: 'x', solver: 'euler', steps: 1 }, 'steps: must be at least 2 for euler, got 1'],
    [{ prompt: 'x', steps: 2, order: 3 }, 'steps: must be at least the order of dpm++ (3), got 2'],
    [{ prompt: 'x', seed: -1 }, 'seed: must be at least 0, got -1'],
    [{ prompt: 'x', seed: 'any' }, 'seed: must be a whole number from 0 to 2^53 - 1, or "random", got "any"'],
    [{ prompt: 'x', seed: Number.MAX_SAFE_INTEGER, count: 2 }, 'seed: seed + count must stay below 2^53'],
    [
      { prompt: 'x', guidanceFrom: 0.5, guidanceUntil: 0.5 },
      'guidanceFrom: must be below guidanceUntil (0.5): no step would be guided, got 0.5',
    ],
    [{ prompt: 'x', stepCache: -0.1 }, 'stepCache: must be at least 0, got -0.1'],
    [
      { prompt: 'x', stepCache: 0.3, solver: 'heun' },
      'stepCache: wants a solver of one evaluation a step, not heun, got 0.3',
    ],
    [
      { prompt: 'x', stepCache: 0.3, method: 'singlestep' },
      'stepCache: wants a solver of one evaluation a step, not dpm++ with method singlestep, got 0.3',
    ],
    [
      { prompt: 'x', stepCache: 0.3, solver: 'dopri5' },
      'stepCache: wants a solver of one evaluation a step, not dopri5, got 0.3',
    ],
    [{ prompt: 'x', guidanceUntil: 1.5 }, 'guidanceUntil: must be at most 1, got 1.5'],
    [{ prompt: 'x', shift: 0 }, 'shift: must be above 0, got 0'],
    [{ prompt: 'x', count: 0 }, 'count: must be at least 1, got 0'],
    [{ prompt: [] }, 'prompt: needs at least 1 of them, got []'],
    [{}, 'prompt: must be a text or a list of texts, or a class be given, got nothing'],
    [{ prompt: 'x', stpes: 3 }, 'unknown key "stpes", did you mean "steps"?'],
    [{ prompt: 'x', guidance_scale: 3 }, 'unknown key "guidance_scale", did you mean "guidanceScale"?'],
  ])('%j is refused: %s', (request, message) => {
    expect(refusal(() => validate(requestSchema, request)).message).toContain(message);
  });

  test('every field is described', () => {
    for (const field of Object.values(requestSchema.shape)) expect(field.description).toBeTruthy();
  });
});

test.each(['gpu', 'cuda:', 'cuda:x', 'CPU'])('device %s is refused', (device) => {
  expect(refusal(() => validate(modelSchema, { device })).message).toContain('auto, cpu, cuda or cuda:N');
});

describe('layers', () => {
  test('file < environment < flags < --set', async () => {
    const path = await file(
      'a.yaml',
      'model: {device: cuda, threads: 1, dtype: fp32}\nsample: {steps: 10, seed: 5, width: 512}\n',
    );
    const config = await loadConfig(sampleConfigSchema, {
      file: path,
      environment: { SVG_T2I_DEVICE: 'cpu', SVG_T2I_THREADS: '2', SVG_T2I_DTYPE: '' },
      flags: { model: { threads: 3 }, sample: { steps: 20, seed: undefined } },
      set: ['sample.steps=30', 'sample.negativePrompt=blur'],
    });
    expect(config.model).toMatchObject({ device: 'cpu', threads: 3, dtype: 'fp32' });
    expect(config.sample).toMatchObject({ steps: 30, seed: 5, width: 512, negativePrompt: 'blur' });
  });

  test('a file extends one other, and paths are meant from where each file is', async () => {
    await file('base.yaml', 'model: {pretrained: weights}\nsample: {steps: 10, width: 256}\n');
    const path = await file('b.json', '{"extends": "base.yaml", "sample": {"steps": 11}}');
    const config = await loadConfig(sampleConfigSchema, { file: path });
    expect(config.model.pretrained).toBe(join(folder, 'weights'));
    expect(config.sample).toMatchObject({ steps: 11, width: 256 });
  });

  test('a mistake names the file, the key and the nearest known one', async () => {
    const path = await file('c.yaml', 'sample:\n  setps: 3\n');
    await expect(loadConfig(sampleConfigSchema, { file: path })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_CONFIG',
      message: `${path}: unknown key "sample.setps", did you mean "steps"?`,
      hint: expect.stringContaining('guidanceScale'),
    });
  });

  test.each([
    ['a: [1', /line 1/],
    ['- 1', /must be a mapping/],
    ['extends: [1]', /extends: must be the path/],
  ])('the file %j is refused', async (text, message) => {
    const path = await file('d.yaml', text);
    await expect(loadConfig(sampleConfigSchema, { file: path })).rejects.toThrow(message);
  });

  test('a file that is not there', async () => {
    await expect(loadConfig(sampleConfigSchema, { file: join(folder, 'no.yaml') })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });

  test.each(['steps', '=3', 'sample.steps=[1'])('--set %s is refused', async (assignment) => {
    await expect(loadConfig(sampleConfigSchema, { set: [assignment] })).rejects.toThrow(/--set/);
  });

  test('--set reaches no prototype', async () => {
    await loadConfig(sampleConfigSchema, { set: ['__proto__.polluted=1'] });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

test('nearest', () => {
  expect(nearest('guidence', ['guidance', 'width'])).toBe('guidance');
  expect(nearest('guidnce', ['guidanceMode', 'guidanceUntil', 'width'])).toBe('guidanceMode');
  expect(nearest('quite-else', ['guidance', 'width'])).toBeUndefined();
});

import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GenerateRequest } from '../../lib/pipeline/types.js';
import { Comparison } from '../../lib/selftest/comparison.js';
import { findCases } from '../../lib/selftest/golden-case.js';
import { createPipelineRunner } from '../../lib/selftest/modules/pipeline.js';
import { caseRow, summary } from '../../lib/selftest/report.js';
import { runSelftest, type SelftestOptions, type SelftestReport } from '../../lib/selftest/run.js';
import { readSafetensors } from '../../lib/selftest/safetensors.js';
import { goldenFolder } from './golden.js';

const ownModules = [
  'tokenizer',
  'image-preprocess',
  'crop-buckets',
  'data-sampler',
  'adm-npz',
  'fid-image-preprocess',
  'geneval-layout',
  'geneval2-layout',
  'dpg-layout',
];

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'svg-t2i-selftest-'));
}

function run(root: string, options: Partial<SelftestOptions> = {}): Promise<SelftestReport> {
  return runSelftest(root, {
    runInEngine: async () => {
      throw new Error('no engine in this test');
    },
    runPipeline: async () => undefined,
    ...options,
  });
}

/** A copy of a case with its case.json changed. */
function changedCase(name: string, change: (spec: Record<string, never>) => void): string {
  const folder = join(temporary(), name);
  cpSync(goldenFolder(name), folder, { recursive: true });
  const path = join(folder, 'case.json');
  const spec = JSON.parse(readFileSync(path, 'utf8'));
  change(spec);
  writeFileSync(path, JSON.stringify(spec));
  return folder;
}

function writeSafetensors(
  path: string,
  tensors: Record<string, { shape: number[]; data: Float32Array | Uint8Array }>,
) {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { by: 'test' } };
  const parts: Uint8Array[] = [];
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const dtype = data instanceof Uint8Array ? 'U8' : 'F32';
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([length, text, ...parts]));
}

describe('golden cases of the TypeScript modules', () => {
  it.each(ownModules)('%s passes', async (name) => {
    const report = await run(goldenFolder(name));
    expect(report).toMatchObject({ passed: 1, failed: 0, notRun: 0 });
    expect(report.cases[0]).toMatchObject({ name, status: 'passed', maxError: 0, message: '' });
  });

  it('fail where the wanted values differ', async () => {
    const sampler = changedCase('data-sampler', (spec) => {
      (spec as unknown as { rows: { indices: number[] }[] }).rows[0]?.indices.splice(0, 1, 7);
    });
    expect((await run(sampler)).cases[0]).toMatchObject({
      status: 'failed',
      maxError: 6,
      message: 'row 0: 1 at 0 where 7 is wanted',
    });
    const buckets = changedCase('crop-buckets', (spec) => {
      (spec as unknown as { lists: { sizes: number[][] }[] }).lists[0]?.sizes.push([1, 1]);
    });
    expect((await run(buckets)).cases[0]?.message).toMatch(/2 elements where 4 are wanted/);
  });

  it('find a tokenizer in a folder of its own', async () => {
    const folder = changedCase('tokenizer', () => undefined);
    cpSync(join(folder, 'tokenizer.json'), join(folder, 'tokenizer', 'tokenizer.json'));
    writeFileSync(join(folder, 'tokenizer.json'), 'broken');
    expect(await run(folder)).toMatchObject({ passed: 1 });
  });
});

describe('runSelftest', () => {
  it('counts passed, failed and not-run cases and goes on after a broken one', async () => {
    const root = temporary();
    cpSync(goldenFolder('data-sampler'), join(root, 'a'), { recursive: true });
    for (const name of ['b-broken', 'c-empty', 'd-unknown', 'e-fields', '.hidden'])
      mkdirSync(join(root, name));
    writeFileSync(join(root, 'b-broken', 'case.json'), '{"module":');
    writeFileSync(join(root, 'd-unknown', 'case.json'), '{"module":"telepathy"}');
    writeFileSync(join(root, 'e-fields', 'case.json'), '{"module":"data_sampler","rows":7}');
    const seen: string[] = [];
    const report = await run(root, {
      runInEngine: async () => ({
        name: 'd-unknown',
        module: 'telepathy',
        status: 'not-run',
        maxError: 0,
        tolerance: null,
        message: 'unknown',
      }),
      onCase: ({ name, status }) => seen.push(`${name} ${status}`),
    });
    expect(seen).toEqual([
      'a passed',
      'b-broken failed',
      'c-empty failed',
      'd-unknown not-run',
      'e-fields failed',
    ]);
    expect(summary(report)).toBe('1 passed, 3 failed, 1 not run');
    expect(report.cases[2]?.message).toMatch(/case\.json: no such file/);
    expect(report.cases[4]?.message).toMatch(/must be a list/);
    expect(Object.keys(report)).toEqual(['passed', 'failed', 'notRun', 'cases']);
    expect(Object.keys(report.cases[0] ?? {})).toEqual([
      'name',
      'module',
      'status',
      'maxError',
      'tolerance',
      'message',
    ]);
  });

  it('fails the cases of an engine that is not there', async () => {
    const folder = temporary();
    writeFileSync(join(folder, 'case.json'), '{"module":"solver"}');
    expect((await run(folder)).cases[0]).toMatchObject({
      status: 'failed',
      message: 'no engine in this test',
    });
  });

  it('says that a folder is missing, and stops when cancelled', async () => {
    await expect(run(join(temporary(), 'none'))).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_NOT_FOUND' });
    await expect(run(temporary())).rejects.toThrow(/no golden cases/);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(run(goldenFolder('tokenizer'), { signal })).rejects.toThrow('enough');
  });

  it('looks for cases below folders without one', async () => {
    const root = temporary();
    cpSync(goldenFolder('data-sampler'), join(root, 'group', 'b'), { recursive: true });
    cpSync(goldenFolder('data-sampler'), join(root, 'group', 'a'), { recursive: true });
    expect(await findCases(root)).toEqual([join(root, 'group', 'a'), join(root, 'group', 'b')]);
  });
});

describe('pipeline cases', () => {
  function pipelineCase(extra: object = {}): string {
    const folder = temporary();
    writeSafetensors(join(folder, 'io.safetensors'), {
      'in.0.noise': { shape: [1, 2, 1, 1], data: Float32Array.of(1, 2) },
      'out.0.latent': { shape: [1, 2, 1, 1], data: Float32Array.of(3, 4) },
      'out.0.image': { shape: [1, 3, 1, 1], data: Float32Array.of(0.1, 0.2, 0.3) },
      'out.0.pixels': { shape: [16, 16, 3], data: new Uint8Array(768).fill(100) },
    });
    const spec = { module: 'pipeline', pretrained: 'pre', prompts: ['a'], width: 16, height: 16, ...extra };
    writeFileSync(join(folder, 'case.json'), JSON.stringify(spec));
    return folder;
  }

  async function runPipelineCase(folder: string, latent: number[], level: number) {
    const requests: GenerateRequest[] = [];
    let disposed = 0;
    const runPipeline = createPipelineRunner(async () => ({
      generate: async (request) => {
        requests.push(request);
        const data = new Uint8Array(768).fill(level);
        const decoded = { data: Float32Array.of(0.1, 0.2, 0.3) };
        return {
          images: [{ width: 16, height: 16, data, latent: { data: Float32Array.from(latent) }, decoded }],
        };
      },
      dispose: async () => {
        disposed++;
      },
    }));
    const report = await run(folder, { runPipeline });
    expect(disposed).toBe(1);
    return { result: report.cases[0], request: requests[0] };
  }

  it('compare the latent and the pixels of what a user would get', async () => {
    const { result, request } = await runPipelineCase(pipelineCase(), [3, 4.001], 102);
    expect(result).toMatchObject({ status: 'passed', maxError: 2 });
    expect(request).toMatchObject({ solver: 'dpm++', systemPrompt: 'empty', noise: [Float32Array.of(1, 2)] });
  });

  it('fail on a latent or a pixel too far off', async () => {
    expect((await runPipelineCase(pipelineCase(), [3, 4.1], 100)).result?.message).toMatch(
      /^out\.0\.latent: largest/,
    );
    expect((await runPipelineCase(pipelineCase(), [3, 4], 103)).result?.message).toMatch(
      /3 levels off, over 2/,
    );
    expect((await runPipelineCase(pipelineCase(), [3, Number.NaN], 100)).result?.message).toMatch(
      /not a number/,
    );
  });

  it('take solver and guidance flat or as objects', async () => {
    const nested = {
      solver: { name: 'heun2', steps: 9, skip_type: 'time_uniform' },
      guidance: { truncation: 100 },
    };
    expect((await runPipelineCase(pipelineCase(nested), [3, 4], 100)).request).toMatchObject({
      solver: 'heun',
      steps: 9,
      skipType: 'time_uniform',
      guidanceUntil: 1,
    });
    const flat = {
      solver: 'dpm',
      steps: 10,
      shift: 3,
      guidance_scale: 2,
      guidance_mode: 'standard',
      negative_prompt: 'x',
    };
    expect((await runPipelineCase(pipelineCase(flat), [3, 4], 100)).request).toMatchObject({
      solver: 'dpm++',
      shift: 3,
      guidanceScale: 2,
      guidanceMode: 'standard',
      negativePrompt: 'x',
    });
  });
});

describe('Comparison', () => {
  it('holds to atol + rtol |want| for every element', () => {
    const result = new Comparison();
    result.expectClose('x', [1.01, 100.9], [1, 100], { atol: 0.01 + 1e-9, rtol: 0.009 });
    expect(result.failures).toEqual([]);
    expect(result.maxError).toBeCloseTo(0.9, 10);
    result.expectClose('x', [1.2], [1], { atol: 0.1, rtol: 0 });
    result.expectPixels('p', [1, 5], [1, 1], { maxAbs: 4, meanAbs: 1 });
    expect(result.failures).toEqual([
      'x: largest error 0.2, 0.1 over the tolerance',
      'p: pixels are 2 levels off on average, over 1',
    ]);
  });
});

describe('readSafetensors', () => {
  it('reads tensors by name and refuses headers that lie', async () => {
    const path = join(temporary(), 'x.safetensors');
    writeSafetensors(path, {
      a: { shape: [2, 1], data: Float32Array.of(1.5, -2) },
      b: { shape: [0], data: new Uint8Array() },
    });
    const tensors = await readSafetensors(path);
    expect(tensors.get('a')).toEqual({ shape: [2, 1], data: Float32Array.of(1.5, -2) });
    expect(tensors.get('b')?.data).toHaveLength(0);
    const bytes = readFileSync(path);
    for (const length of [0, 7, 20, bytes.length - 1]) {
      writeFileSync(path, bytes.subarray(0, length));
      await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
    }
  });
});

it('prints a row a case', () => {
  const tolerance = { latent: { atol: 0.00002, rtol: 0.002 }, pixels: { max_abs: 2 } };
  const report = {
    name: 'a',
    module: 'pipeline',
    status: 'passed',
    maxError: 0.00012345,
    tolerance,
    message: '',
  } as const;
  expect(caseRow(report)).toEqual([
    'a',
    'pipeline',
    'passed',
    '1.23e-4',
    'latent (atol 2e-5, rtol 0.002), pixels (max_abs 2)',
  ]);
});

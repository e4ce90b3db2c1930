/** Estimates against the engine: what is counted is what drawing then does, and too little memory is told in words. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelSchema } from '../../dist/config/model.js';
import { type ResolvedSettings, settingsWithRules } from '../../dist/config/request.js';
import { estimate } from '../../dist/estimate/estimate.js';
import { publishedParts } from '../../dist/estimate/published.js';
import { estimateFor } from '../../dist/estimate/release.js';
import { EMBEDDED_MODEL, SvgT2I } from '../../dist/index.js';
import { FoundRelease } from '../../dist/release/found-release.js';

const models = { pretrained: EMBEDDED_MODEL, device: 'cpu', dtype: 'fp32', threads: 1 } as const;
const of = (settings: Partial<ResolvedSettings>, probeSeconds = 0) =>
  estimateFor(new FoundRelease(modelSchema.parse(models)), {
    settings: settingsWithRules.parse({ width: 64, height: 64, ...settings }),
    prompts: 1,
    promptTokens: 8,
    probeSeconds,
  });

let pipeline: SvgT2I;
beforeAll(async () => {
  pipeline = await SvgT2I.load(models);
});
afterAll(async () => await pipeline.dispose());

describe('counting', () => {
  it.each([
    { steps: 5 },
    { steps: 4, solver: 'euler', guidanceUntil: 0.5 },
    { steps: 3, solver: 'rk4' },
    { steps: 6, guidanceScale: 1 },
    { steps: 6, guidanceSchedule: 'late' },
    { steps: 6, solver: 'heun', guidanceSchedule: 'cfg_star-2-0' },
  ] as const)('finds the velocities of %j', async (settings) => {
    const { evaluations } = await of(settings);
    const { images } = await pipeline.generate({ prompt: 'a red circle', ...settings });
    const { evaluations: all, unconditionalEvaluations: guided } = images[0]?.metadata ?? {};
    expect(evaluations?.guided).toBe(guided);
    // A step of cfg_star without a velocity counts as none.
    expect((evaluations?.guided ?? 0) + (evaluations?.single ?? 0)).toBe(all);
  });

  it('knows how large the model is, what it takes and what is free', async () => {
    const { parts, memory, free, time, device } = await of({});
    expect(parts.dit?.parameters).toBeCloseTo(pipeline.models.dit?.parameters ?? 0, -3);
    expect(memory.weights.dit).toBeGreaterThan(3.9 * (parts.dit?.parameters ?? 0));
    expect(free).toBeGreaterThan(memory.runtime);
    expect({ time, device }).toEqual({ time: undefined, device: 'cpu' });
  });

  it('leaves the steps of an adaptive solver open', async () => {
    const { evaluations, time } = await of({ solver: 'dopri5' }, 0.05);
    expect(evaluations).toBeUndefined();
    expect(time?.picture).toBeUndefined();
    expect(time?.step).toBeGreaterThan(0);
  });

  it('tries the machine, and adds up a run', async () => {
    const { time, machine, alternatives } = await of({ count: 6, batchSize: 2, steps: 10 }, 0.2);
    expect(time?.run).toBeCloseTo(6 * (time?.picture ?? 0) + (time?.prompts ?? 0), 6);
    expect(machine?.flopRate).toBeGreaterThan(1e7);
    expect(alternatives[0]?.dtype).toBe('fp32'); // the asked one; which comes next is the processor's to say
    expect(alternatives.map(({ dtype, fits, batch }) => [dtype, fits, batch]).sort()).toEqual([
      ['bf16', true, 256],
      ['fp32', true, 256],
      ['int8', true, 256],
    ]);
  });
});

describe('published models', () => {
  const published = (name: string, device = 'cpu') =>
    estimate({
      ...publishedParts(name),
      model: { device, dtype: 'bf16', threads: 1, offload: false },
      settings: settingsWithRules.parse({}),
      prompts: 1,
      promptTokens: 128,
      probeSeconds: 0,
    });

  it('are counted without a file', async () => {
    const { parts, memory, flops, evaluations } = await published('2B');
    expect(parts.dit?.parameters).toBeCloseTo(2.611e9, -7);
    expect(memory.weights.dit).toBeCloseTo(5.22e9, -8);
    expect(flops.step / 1e12).toBeCloseTo(43.5, 0);
    expect(evaluations).toEqual({ guided: 50, single: 0 });
  });

  it('are counted for a GPU that is not here, and nothing is measured of it', async () => {
    const found = await published('svg-XL', 'cuda:7');
    expect(found).toMatchObject({ device: 'cuda:7' });
    expect([found.free, found.fits, found.time]).toEqual([undefined, undefined, undefined]);
  });
});

describe('too little memory', () => {
  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
  if (!hasPrlimit) console.log('skipped: prlimit, which takes memory from a process, is not installed');

  /** `share` of what the drawing needs is left of the address space. */
  async function drawWith(share: number) {
    const script = fileURLToPath(new URL('fixtures/little-memory.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, '768', '2'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () =>
      JSON.parse(String((await lines.next()).value)) as Record<string, number & string>;
    const { mapped = 0, activations = 0 } = await next();
    const limit = Math.round(mapped + share * activations);
    expect(spawnSync('prlimit', ['--pid', String(child.pid), `--as=${limit}`]).status).toBe(0);
    child.stdin.write('go\n');
    return [await next(), await next()] as const;
  }

  it.runIf(hasPrlimit)(
    'is told with what is needed, what is free and what helps, and the engine goes on',
    async () => {
      const [failure, after] = await drawWith(0.7);
      expect(failure).toMatchObject({ code: 'ERR_SVGT2I_OUT_OF_MEMORY', job: 'sample' });
      expect(failure.message).toMatch(
        /^too little memory on cpu: 2 pictures at a time of 768x768 need about [\d.]+ GB beside the weights, [\d.]+ GB are free \(.*\)$/,
      );
      expect(failure.hint).toMatch(/^Try --batch-size 1 \(about .*`svg-t2i estimate` shows what fits\.$/);
      expect(after).toEqual({ images: 1 });
    },
  );

  it('refuses what no machine has before it is tried', async () => {
    const asked = pipeline.generate({
      prompt: 'a red circle',
      width: 512,
      height: 512,
      batchSize: 256,
      count: 256,
      steps: 2,
      solver: 'euler',
      // Beyond the memory of a small machine; a large one just begins, and is stopped.
      signal: AbortSignal.timeout(200),
    });
    await expect(asked).rejects.toSatisfy(
      (error: { code?: string; name?: string }) =>
        error.code === 'ERR_SVGT2I_OUT_OF_MEMORY' || error.name === 'TimeoutError',
    );
  });
});

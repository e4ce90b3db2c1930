/** Requests that are drawn together: each is the one that it is alone, and none waits for another's picture. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateEvent, type GenerateRequest, SvgT2I } from '../../dist/index.js';
import type { JobRequest } from '../../dist/native/jobs.js';
import { loadRelease } from '../../dist/release/load.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';

let folder: string;
let pipeline: SvgT2I;
const load = (maxBatchTokens?: number) =>
  SvgT2I.load({ pretrained: folder, device: 'cpu', dtype: 'fp32', maxBatchTokens });
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-joining-'));
  await writeTinyRelease(join(folder, 'pre-trained'), 1);
  pipeline = await load();
});
afterAll(async () => {
  await pipeline?.dispose();
  rmSync(folder, { recursive: true });
});

const small = { prompt: 'a red circle', width: 64, height: 32, steps: 4, guidanceScale: 3 } as const;
/** Thousands of evaluations: whoever waited for its end would be told by the test's time limit. */
const endless = { ...small, solver: 'rk4', steps: 1000 } as const;
const picture = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3) };

/** The engine's own request for a picture of one token of text. */
const sampleRequest = (steps: number, name = 'rk4'): JobRequest<'sample'> => ({
  solver: {
    name,
    steps,
    order: 2,
    method: 'multistep',
    skipType: 'logSNR',
    shift: 1,
    atol: 1,
    rtol: 1,
  },
  guidance: { scale: 1, mode: 'standard', until: 1, renorm: 0, schedule: 'constant' },
  items: [{ seed: 1, width: 64, height: 32, prompt: 0, negative: 0 }],
  previewEvery: 0,
  returnLatents: false,
  returnDecoded: false,
});

/** A run that was started and draws; `end` aborts it. */
async function drawing(request: GenerateRequest, by = pipeline) {
  const controller = new AbortController();
  const reason = new Error('enough');
  const events: GenerateEvent[] = [];
  let waiting: { readonly steps: number; readonly wake: () => void } | undefined;
  const count = () => events.filter(({ type }) => type === 'step').length;
  const run = (async () => {
    for await (const event of by.stream({ ...request, signal: controller.signal })) {
      events.push(event);
      if (waiting !== undefined && count() >= waiting.steps) waiting.wake();
    }
  })();
  const ended = run.then(
    () => 'done',
    (error: unknown) => error,
  );
  const steps = (more: number) =>
    new Promise<void>((resolve, reject) => {
      waiting = { steps: count() + more, wake: resolve };
      ended.then(() => reject(new Error('the run has ended')));
    });
  await steps(1);
  return {
    events,
    steps,
    ended,
    end: async () => {
      controller.abort(reason);
      expect(await ended).toBe(reason);
    },
  };
}

describe('requests at one time', () => {
  it('are each the picture that it is alone', async () => {
    const requests: readonly GenerateRequest[] = [
      { ...small, steps: 12, count: 2, batchSize: 2 },
      { ...small, prompt: 'a blue square above a green ring', width: 32, height: 96, solver: 'heun' },
      { ...small, steps: 20, guidanceScale: 1, negativePrompt: 'blur', seed: 3 },
      { ...small, solver: 'dopri5', guidanceUntil: 0.5, seed: 4 },
      { ...small, solver: 'euler', steps: 9, guidanceSchedule: 'late', guidanceMode: 'standard', seed: 5 },
      { ...small, width: 96, height: 96, guidanceSchedule: 'cfg_star-1-0', method: 'singlestep', seed: 6 },
    ];
    const busy = await drawing(endless);
    const together = await Promise.all(requests.map((request) => pipeline.generate(request)));
    await busy.end();
    for (const [i, request] of requests.entries()) {
      const { images } = await pipeline.generate(request);
      for (const [k, image] of images.entries()) {
        const other = together[i]?.images[k];
        expect(other?.metadata).toEqual(image.metadata);
        const apart = image.data.map((value, place) => Math.abs(value - (other?.data[place] ?? 1000)));
        expect(Math.max(...apart)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('do not wait for one another, and tell their events in order', async () => {
    const long = await drawing(endless);
    const types: string[] = [];
    for await (const event of pipeline.stream({ ...small, previewEvery: 2 })) types.push(event.type);
    expect(types).toEqual(['encode', 'step', 'step', 'preview', 'step', 'step', 'decode', 'image', 'done']);
    await long.end();
  });

  it('leave the others as they are where one is aborted or fails', async () => {
    const kept = await drawing({ ...endless, seed: 1 });
    const dropped = await drawing({ ...endless, seed: 2 });
    const channels = pipeline.models.dit?.channels ?? 0;
    const noise = [new Float32Array(channels * 2 * 4).fill(Number.NaN)];
    await dropped.end();
    await expect(pipeline.generate({ ...small, noise })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_NUMERIC',
    });
    await kept.steps(2);
    await kept.end();
    // The engine is free for the next one.
    await pipeline.generate(small);
  });

  it('go on beside calls of another kind, and let those behind them join', async () => {
    const long = await drawing(endless);
    const [latent] = await pipeline.encode([picture]);
    await Promise.all([
      pipeline.decode(latent === undefined ? [] : [latent]),
      pipeline.enhancePrompt('a cat'),
      pipeline.generate(small),
    ]);
    await long.steps(2);
    await long.end();
  });

  it('come to their ends before what is loaded changes, and those behind it wait', async () => {
    const { engine, tokenizer } = await loadRelease({ pretrained: folder, device: 'cpu', dtype: 'fp32' });
    try {
      const settled: string[] = [];
      let steps = 0;
      let wake = () => {};
      const draw = (name: string, request: JobRequest<'sample'>, signal?: AbortSignal) =>
        engine
          .run('sample', request, {
            tensors: { 'tokens.0': { dtype: 'int64', shape: [1], data: BigInt64Array.of(2n) } },
            signal,
            onEvent: ({ type }) => {
              if (type === 'step') steps++;
              wake();
            },
          })
          .then(
            () => settled.push(name),
            () => settled.push(`${name} aborted`),
          );
      const until = (wanted: number) =>
        new Promise<void>((resolve) => {
          wake = () => {
            if (steps >= wanted) resolve();
          };
        });
      const controller = new AbortController();
      const long = draw('long', sampleRequest(10_000), controller.signal);
      await until(1);
      const changed = engine.run('dist-close', {}).then(() => settled.push('changed'));
      const behind = draw('behind', sampleRequest(2));
      await until(steps + 5);
      expect(settled).toEqual([]);
      controller.abort();
      await Promise.all([long, changed, behind]);
      expect(settled).toEqual(['long aborted', 'changed', 'behind']);
    } finally {
      await Promise.all([engine.dispose(), tokenizer?.dispose()]);
    }
  });

  it('come one at a step, however many ask at once', async () => {
    const { engine, tokenizer } = await loadRelease({ pretrained: folder, device: 'cpu', dtype: 'fp32' });
    try {
      const told: string[] = [];
      const controller = new AbortController();
      // Of one evaluation a step.
      const draw = (name: string, steps: number, token: bigint, onStep = () => {}) =>
        engine.run('sample', sampleRequest(steps, 'euler'), {
          tensors: { 'tokens.0': { dtype: 'int64', shape: [1], data: BigInt64Array.of(token) } },
          signal: name === 'long' ? controller.signal : undefined,
          onEvent: ({ type }) => {
            told.push(`${name} ${type}`);
            if (type === 'step') onStep();
          },
        });
      let others: Promise<unknown> | undefined;
      const long = draw('long', 10_000, 2n, () => {
        others ??= Promise.all(['one', 'two', 'three'].map((name, i) => draw(name, 2, BigInt(i + 3))));
      });
      const aborted = expect(long).rejects.toMatchObject({ name: 'AbortError' });
      while (others === undefined) await new Promise(setImmediate);
      await others;
      controller.abort();
      await aborted;
      const encoded = ['one', 'two', 'three'].map((name) => told.indexOf(`${name} encode`));
      for (const [i, place] of encoded.entries()) {
        if (i > 0) expect(told.slice(encoded[i - 1], place)).toContain('long step');
      }
    } finally {
      await Promise.all([engine.dispose(), tokenizer?.dispose()]);
    }
  });

  it('wait where more would be drawn at one time than may be', async () => {
    // A picture of `small` has 8 tokens.
    const narrow = await load(16);
    try {
      const long = await drawing(endless, narrow);
      await narrow.generate(small);
      const both = await drawing({ ...endless, seed: 1 }, narrow);
      let third = false;
      const waiting = narrow.generate(small).then(() => {
        third = true;
      });
      await long.steps(5);
      expect(third).toBe(false);
      await both.end();
      await waiting;
      // More than may be, but alone.
      await long.end();
      await narrow.generate({ ...small, width: 96, height: 96 });
    } finally {
      await narrow.dispose();
    }
  });

  it('are all rejected when the pipeline is disposed under them', async () => {
    const other = await load();
    const runs = [await drawing(endless, other), await drawing({ ...endless, seed: 1 }, other)];
    await other.dispose();
    for (const { ended } of runs) expect(await ended).toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
  });

  it('are refused where their number of tokens is none', async () => {
    await expect(load(0)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('maxBatchTokens'),
    });
  });
});

it('tells steps and previews of an adaptive solver by their own picture', async () => {
  const request = { ...small, solver: 'bosh3', count: 2, batchSize: 2, previewEvery: 1 } as const;
  const told = { step: new Set<number>(), preview: new Set<number>() };
  for await (const event of pipeline.stream(request)) {
    if (event.type === 'step' || event.type === 'preview') told[event.type].add(event.index);
  }
  expect(told).toEqual({ step: new Set([0, 1]), preview: new Set([0, 1]) });
});

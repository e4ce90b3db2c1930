/** Estimates in parts: what fits, memory of a count, words, and what is told before a run. */
import { describe, expect, it } from 'vitest';
import { estimateSchema, PUBLISHED_MODELS } from '../../../lib/config/estimate.js';
import { validate } from '../../../lib/config/validate.js';
import { adviceOn } from '../../../lib/estimate/advice.js';
import { memoryOf, stepStage } from '../../../lib/estimate/memory.js';
import { publishedParts } from '../../../lib/estimate/published.js';
import type { Estimate } from '../../../lib/estimate/types.js';
import { batchesToCount, largestThatFits, sizesToCount } from '../../../lib/estimate/what-fits.js';
import { count, duration, gigabytes, quantity } from '../../../lib/estimate/words.js';
import type { JobValue } from '../../../lib/native/jobs.js';

const load = { width: 1024, height: 512, pictures: 4, tokens: 100, unconditionalTokens: 1 };
const stages = (step: number) => ({
  encode: { flops: 1, peakBytes: 10 },
  guided: { flops: 1, peakBytes: step },
  single: { flops: 1, peakBytes: step / 2 },
  decode: { flops: 1, peakBytes: 50 },
});
const counted: JobValue<'count'> = {
  parts: {
    dit: { kind: 'next-dit', description: 'NextDiT', parameters: 100, bytes: { fp32: 400, bf16: 200 } },
    autoencoder: { kind: 'conv', description: 'conv', parameters: 10, bytes: { fp32: 40, bf16: 20 } },
    textEncoder: { kind: 'gemma-2', description: 'Gemma-2', parameters: 50, bytes: { fp32: 200, bf16: 100 } },
  },
  storedInt8: false,
  condition: 'text',
  cellPixels: 16,
  patchSize: 1,
  maxCells: [512, 512],
  evaluations: { guided: 40, single: 10 },
  loads: [{ fp32: stages(300), bf16: stages(20) }],
};

describe('memory', () => {
  it('adds weights, the largest stage and what the runtime has', () => {
    const place = { device: 'cpu', offload: false, residentBytes: 1000 };
    const fp32 = memoryOf(counted, 0, 'fp32', place);
    // A heap has gaps of a third, and libtorch 30 MB of code that is read in later.
    expect(fp32).toMatchObject({ activations: 405, peakAt: 'step', runtime: 1000 + 30e6, offloaded: 0 });
    expect(fp32.total).toBe(400 + 40 + 200 + 405 + fp32.runtime);
    expect(memoryOf(counted, 0, 'bf16', place)).toMatchObject({ activations: 67.5, peakAt: 'decode' });
  });

  it('leaves an offloaded text encoder out of the GPU, and has nothing to leave out on a CPU', () => {
    const gpu = memoryOf(counted, 0, 'fp32', { device: 'cuda', offload: true, residentBytes: 1 });
    expect(gpu.offloaded).toBe(200);
    expect(gpu.total).toBe(400 + 40 + 300 + gpu.runtime);
    expect(memoryOf(counted, 0, 'fp32', { device: 'cpu', offload: true, residentBytes: 1 }).offloaded).toBe(
      0,
    );
  });

  it('goes by the velocity that most steps take', () => {
    expect(stepStage(counted)).toBe('guided');
    expect(stepStage({ ...counted, evaluations: { guided: 0, single: 50 } })).toBe('single');
    expect(stepStage({ ...counted, evaluations: null })).toBe('guided');
  });
});

describe('what fits', () => {
  it('tries sizes of the asked shape in whole cells, within what the model draws', () => {
    const sizes = sizesToCount(load, { multiple: 32, mostWidth: 2048, mostHeight: 8192 });
    expect(
      sizes.every(({ width, height, pictures }) => width % 32 === 0 && height % 32 === 0 && pictures === 1),
    ).toBe(true);
    expect(sizes.at(-1)).toMatchObject({ width: 2048, height: 1024 });
    expect(sizes.find(({ width }) => width === 1024)).toMatchObject({ height: 512 });
    expect(new Set(sizes.map(({ width, height }) => `${width}x${height}`)).size).toBe(sizes.length);
  });

  it('tries batches by powers of two and takes the largest that fits', () => {
    const batches = batchesToCount(load).map((one) => ({ ...one, total: 100 * one.pictures }));
    expect(batches.map(({ pictures }) => pictures)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256]);
    expect(largestThatFits(batches, 1000)?.pictures).toBe(8);
    expect(largestThatFits(batches, 99)).toBeUndefined();
  });
});

describe('words', () => {
  it.each([
    [0.0123, '12 ms'],
    [1.24, '1.2 s'],
    [65.4, '65 s'],
    [600, '10 min'],
    [7260, '2 h 1 min'],
    [864_000, '10 days'],
  ])('%f seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  it('says bytes and counts in three digits', () => {
    expect([gigabytes(1.2345e9), gigabytes(12.3e6), gigabytes(123.4e9)]).toEqual([
      '1.23 GB',
      '12.3 MB',
      '123 GB',
    ]);
    expect([count(43.5e12, 'FLOP'), quantity(2.611e9), count(999, 'B/s')]).toEqual([
      '43.5 TFLOP',
      '2.61 billion',
      '999 B/s',
    ]);
  });
});

const estimate: Estimate = {
  parts: {},
  device: 'cpu',
  dtype: 'fp32',
  width: 1024,
  height: 1024,
  pictures: 8,
  batchSize: 4,
  solver: 'dpm++',
  evaluations: { guided: 50, single: 0 },
  flops: { prompts: 1, step: 1, decode: 1 },
  memory: {
    weights: { dit: 6e9 },
    activations: 3e9,
    peakAt: 'step',
    runtime: 3e8,
    offloaded: 0,
    total: 9.3e9,
  },
  free: 20e9,
  fits: true,
  alternatives: [
    { dtype: 'fp32', total: 9.3e9, fits: true, largest: { width: 2048, height: 2048 }, batch: 8 },
    { dtype: 'bf16', total: 5e9, fits: true },
  ],
};

describe('advice', () => {
  it('is silent where all fits and is quick, or nobody measured', () => {
    expect(adviceOn(estimate)).toEqual([]);
    const time = { prompts: 1, step: 0.1, decode: 1, picture: 6, run: 50 };
    expect(adviceOn({ ...estimate, time })).toEqual([]);
  });

  it('says what is needed, what is free, and every flag that helps', () => {
    const [text = '', ...rest] = adviceOn({
      ...estimate,
      free: 8e9,
      fits: false,
      alternatives: [
        { dtype: 'fp32', total: 9.3e9, fits: false, largest: { width: 768, height: 768 }, batch: 2 },
        { dtype: 'bf16', total: 5e9, fits: true },
      ],
    });
    expect(rest).toEqual([]);
    expect(text).toBe(
      'this needs about 9.30 GB on cpu (6.00 GB of weights, 3.00 GB while it draws), 8.00 GB are free: ' +
        '--batch-size 2 fits, or --dtype bf16 takes 5.00 GB, or --size 768x768 fits',
    );
  });

  it('names --offload on a GPU alone', () => {
    const memory = { ...estimate.memory, weights: { dit: 4e9, textEncoder: 2e9 } };
    const tight = {
      ...estimate,
      device: 'cuda',
      batchSize: 1,
      memory,
      free: 8e9,
      fits: false,
      alternatives: [],
    };
    expect(adviceOn(tight)[0]).toContain('--offload takes 7.30 GB');
    expect(adviceOn({ ...tight, device: 'cpu' })[0]).toContain('nothing less of this model fits');
  });

  it('tells of a long run, and of the dtype that is faster', () => {
    const time = { prompts: 2, step: 40, decode: 5, picture: 505, run: 4042 };
    const alternatives = [
      { dtype: 'fp32', total: 1, step: 40 },
      { dtype: 'bf16', total: 1, step: 16 },
    ] as const;
    const [text] = adviceOn({ ...estimate, time, alternatives });
    expect(text).toBe(
      'this takes about 67 min (8 pictures, 8 min each, 50 steps of 40 s at 1024x1024); --dtype bf16 takes 40 % of it, ' +
        'a smaller --size and fewer --steps take less, --guidance 1 about half',
    );
  });
});

describe('published models', () => {
  it('knows every preset in any case, and names the known ones', () => {
    const model = (name: string) => validate(estimateSchema, { model: name }).model;
    expect([model('2b'), model('SVG-xl'), model('RAE_ditdh_S')]).toEqual(['2B', 'svg-XL', 'rae_ditdh_s']);
    expect(() => model('2C')).toThrow(/must be one of 0\.8B, 2B/);
  });

  it('comes with a decoder of its own channels, and a text encoder where it reads text', () => {
    for (const [name, { dimensions }] of Object.entries(PUBLISHED_MODELS)) {
      const { kind, parts } = publishedParts(name);
      expect(parts.textEncoder !== undefined).toBe(kind.condition === 'text');
      expect(JSON.stringify(parts.autoencoder)).toContain(`:${dimensions.in_channels}`);
    }
  });
});

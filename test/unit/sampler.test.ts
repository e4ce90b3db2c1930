import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MersenneTwister, randomPermutation } from '../../lib/data/random.js';
import { type SamplerOptions, sampleOrder } from '../../lib/data/sampler.js';

describe('MersenneTwister', () => {
  it('draws the published sequence of seed 5489', () => {
    const generator = new MersenneTwister(5489);
    for (let i = 0; i < 9999; i++) generator.nextUint32();
    expect(generator.nextUint32()).toBe(4123659995);
  });

  // Wanted values: Python's random.seed(seed); random.getrandbits(32), twice.
  it.each([
    [2 ** 32 + 7, [968553300, 3287823873]],
    [2 ** 40, [445128065, 1517081360]],
    [Number.MAX_SAFE_INTEGER, [404802386, 2407860725]],
  ])('takes both words of seed %i', (seed, wanted) => {
    const generator = new MersenneTwister(seed);
    expect([generator.nextUint32(), generator.nextUint32()]).toEqual(wanted);
  });
});

describe('randomPermutation', () => {
  // Wanted values: torch 2.13.0, torch.randperm(n, generator=torch.Generator().manual_seed(seed)).
  it('equals torch.randperm', () => {
    expect([...randomPermutation(10, 0)]).toEqual([4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
    expect([...randomPermutation(10, 7)]).toEqual([5, 0, 3, 4, 1, 7, 9, 6, 8, 2]);
    expect([...randomPermutation(70_000, 1)].slice(0, 5)).toEqual([5845, 57324, 68520, 5034, 1295]);
  });

  it('takes seeds below zero as torch does, and those beyond 32 bits as others', () => {
    expect([...randomPermutation(10, 2 ** 32 + 7)]).not.toEqual([...randomPermutation(10, 7)]);
    expect([...randomPermutation(10, 2 ** 32)]).not.toEqual([...randomPermutation(10, 2 ** 33)]);
    expect([...randomPermutation(10, -5)]).toEqual([0, 7, 5, 8, 2, 6, 1, 9, 3, 4]);
  });

  it('holds every index once', () => {
    expect([...randomPermutation(1000, 3)].sort((a, b) => a - b)).toEqual([...new Array(1000).keys()]);
    expect(randomPermutation(0, 3)).toHaveLength(0);
  });

  it('refuses counts and seeds that are no integers in range', () => {
    expect(() => randomPermutation(1.5, 0)).toThrow(/cannot be drawn/);
    expect(() => randomPermutation(2 ** 31, 0)).toThrow(/cannot be drawn/);
    expect(() => randomPermutation(4, 0.5)).toThrow(/no integer/);
  });
});

describe('sampleOrder', () => {
  const base: SamplerOptions = { items: 10, rank: 0, worldSize: 2, globalBatch: 4, steps: 7, seed: 25600 };

  it('goes on after a resume as if it had never stopped', () => {
    const whole = [...sampleOrder({ ...base, steps: 50 })];
    for (const resumeStep of [0, 1, 9, 33, 50]) {
      expect([...sampleOrder({ ...base, steps: 50, resumeStep })]).toEqual(whole.slice(resumeStep * 2));
    }
  });

  it('shares every epoch between the ranks', () => {
    const ranks = [0, 1, 2].map((rank) => [
      ...sampleOrder({ ...base, rank, worldSize: 3, globalBatch: 3, steps: 10 }),
    ]);
    const epochs = ranks.flat();
    expect(epochs).toHaveLength(30);
    for (let item = 0; item < 10; item++) expect(epochs.filter((index) => index === item)).toHaveLength(3);
  });

  it('serves more ranks than items', () => {
    expect([...sampleOrder({ ...base, items: 1, worldSize: 3, globalBatch: 3, steps: 4 })]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('goes on behind the largest seed', () => {
    const largest = {
      items: 10,
      rank: 0,
      worldSize: 1,
      globalBatch: 10,
      steps: 3,
      seed: Number.MAX_SAFE_INTEGER,
    };
    const order = [...sampleOrder(largest)];
    expect(order.slice(10, 20)).toEqual([...randomPermutation(10, 0)]);
    expect(order.slice(20)).toEqual([...randomPermutation(10, 1)]);
  });

  it('refuses what makes no sense', () => {
    expect(() => [...sampleOrder({ ...base, rank: 2 })]).toThrow(/rank 2 is outside/);
    expect(() => [...sampleOrder({ ...base, items: 0 })]).toThrow(/items must be/);
    expect(() => [...sampleOrder({ ...base, resumeStep: -1 })]).toThrow(/resumeStep must be/);
  });

  it('reaches a late step of a large data set without drawing the epochs before it', () => {
    const late = { items: 200_000, rank: 0, worldSize: 1, globalBatch: 100, steps: 200_000, seed: 1 };
    const order = [...sampleOrder({ ...late, resumeStep: 199_999 })];
    expect(order).toHaveLength(100);
    expect(createHash('sha256').update(order.join()).digest('hex')).toBe(
      'f9f4be8bf705ea77a54fcadb0feb0489259a9946bd86e143172675041384baaa',
    );
  });
});

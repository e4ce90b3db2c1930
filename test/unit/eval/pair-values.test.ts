/** Summaries of values of pairs: by hand, and by what a normal distribution says. */
import { describe, expect, it } from 'vitest';
import { MersenneTwister } from '../../../lib/data/random.js';
import { bootstrapInterval, summarize, summarizePairs } from '../../../lib/eval/pair-values.js';

/** Sums of twelve uniform numbers, less six: nearly normal, of variance 1. */
function normals(count: number, seed: number): Float64Array {
  const random = new MersenneTwister(seed);
  return Float64Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += random.nextUint32() / 2 ** 32;
    return sum;
  });
}

describe('summarize', () => {
  it('has mean, median and deviation', () => {
    const { interval, ...rest } = summarize(Float64Array.of(1, 2, 4, 9));
    expect(rest).toEqual({
      count: 4,
      mean: 4,
      median: 3,
      std: Math.sqrt(38 / 3),
      infinite: 0,
      finiteMean: 4,
    });
    expect(interval[0]).toBeGreaterThan(1);
    expect(interval[1]).toBeLessThan(9);
  });

  it('has a mean that is infinite where a value is, and the others beside it', () => {
    expect(summarize(Float64Array.of(30, Number.POSITIVE_INFINITY, 32))).toMatchObject({
      count: 3,
      mean: Number.POSITIVE_INFINITY,
      median: 32,
      infinite: 1,
      finiteMean: 31,
      std: Math.sqrt(2),
    });
    const all = summarize(Float64Array.of(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));
    expect(all).toMatchObject({
      mean: Number.POSITIVE_INFINITY,
      median: Number.POSITIVE_INFINITY,
      infinite: 2,
    });
  });

  it('of one value has an interval of that value', () => {
    expect(summarize(Float64Array.of(7))).toMatchObject({ mean: 7, median: 7, std: 0, interval: [7, 7] });
  });

  it('of none is no number', () => {
    expect(summarize(new Float64Array())).toMatchObject({
      count: 0,
      mean: Number.NaN,
      interval: [Number.NaN, Number.NaN],
    });
  });

  it('is taken of each metric', () => {
    const pairs = [{ values: { psnr: 20, ssim: 0.5 } }, { values: { psnr: 30, ssim: 0.7 } }];
    const { psnr, ssim, lpips } = summarizePairs(pairs, ['psnr', 'ssim']);
    expect([psnr?.mean, ssim?.mean, lpips]).toEqual([25, 0.6, undefined]);
  });
});

describe('bootstrapInterval', () => {
  it('is that of a normal mean, nearly, and the same each time', () => {
    const values = normals(400, 1);
    const [low, high] = bootstrapInterval(values, 5);
    const mean = values.reduce((sum, value) => sum + value, 0) / 400;
    // 1.96 / sqrt(400), to a tenth.
    expect(high - mean).toBeCloseTo(0.098, 1);
    expect(mean - low).toBeCloseTo(0.098, 1);
    expect(high - low).toBeGreaterThan(0.15);
    expect(high - low).toBeLessThan(0.25);
    expect(bootstrapInterval(values, 5)).toEqual([low, high]);
    expect(bootstrapInterval(values, 6)).not.toEqual([low, high]);
  });

  it('holds the true mean 95 times of 100', () => {
    let held = 0;
    for (let seed = 0; seed < 200; seed++) {
      const [low, high] = bootstrapInterval(normals(60, seed + 1), seed);
      if (low <= 0 && high >= 0) held++;
    }
    expect(held).toBeGreaterThanOrEqual(180);
    expect(held).toBeLessThanOrEqual(198);
  });

  it('goes over into the normal one for many values, without a step', () => {
    const values = normals(5001, 2);
    const [low, high] = bootstrapInterval(values);
    const [lowFew, highFew] = bootstrapInterval(values.subarray(0, 5000));
    expect(Math.abs(low - lowFew)).toBeLessThan(0.004);
    expect(Math.abs(high - highFew)).toBeLessThan(0.004);
  });
});

// When a refused request may come again.
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../lib/serve/errors.js';
import { Pace } from '../../../lib/serve/pace.js';

describe('Pace', () => {
  it('knows nothing at first', () => {
    expect(new Pace().secondsAPicture(0)).toBe(5);
  });

  it('counts pictures that end together as slow as they were', () => {
    const pace = new Pace();
    pace.resume(0);
    for (let end = 16; end <= 64; end += 16) {
      for (let i = 0; i < 16; i++) pace.finished(end);
      // One a second, however the pictures bunch.
      expect(pace.secondsAPicture(end)).toBeCloseTo(1, 0);
    }
  });

  it('leaves pauses out, and follows what changes', () => {
    const pace = new Pace();
    pace.resume(0);
    pace.finished(2);
    pace.pause(2);
    pace.resume(1000);
    pace.finished(1002);
    expect(pace.secondsAPicture(1002)).toBeCloseTo(2, 1);
    for (let end = 1012; end <= 1602; end += 10) pace.finished(end);
    expect(pace.secondsAPicture(1602)).toBeCloseTo(10, 0);
  });

  it('promises each refused request a time of its own, up to what all that waits takes', () => {
    const pace = new Pace();
    pace.resume(0);
    pace.finished(2);
    pace.pause(2);
    const promised = [pace.promise(10, 3, 1), pace.promise(10, 3, 1), pace.promise(10, 3, 1)];
    expect(promised.map((seconds) => Math.round(seconds))).toEqual([2, 4, 6]);
    for (let i = 0; i < 600; i++) pace.promise(10, 3, 1);
    expect(pace.promise(10, 3, 1)).toBeCloseTo(8, 0);
    expect(pace.promise(50, 3, 2)).toBeCloseTo(4, 0);
  });
});

describe('Retry-After', () => {
  it.each([
    [0.02, '1', '50'],
    [1.2, '2', '1200'],
    [500, '60', '60000'],
  ])('of %d seconds is %s', (seconds, whole, milliseconds) => {
    const headers = new ApiError(429, 'queue_full', 'full', { retryAfterSeconds: seconds }).headers();
    expect(headers).toEqual({ 'retry-after': whole, 'retry-after-ms': milliseconds });
  });
});

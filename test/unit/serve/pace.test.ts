// When a refused request may come again.
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../lib/serve/errors.js';
import { Pace } from '../../../lib/serve/pace.js';

describe('Pace', () => {
  it('measures from one picture to the next, without pauses', () => {
    const pace = new Pace(0);
    pace.finished(2);
    pace.resume(100);
    pace.finished(102);
    expect(pace.secondsAPicture).toBeCloseTo(2);
    pace.finished(107);
    expect(pace.secondsAPicture).toBeCloseTo(2.6);
  });

  it('promises each refused request a time of its own, and forgets what is past', () => {
    const pace = new Pace(0);
    pace.finished(2);
    expect([pace.promise(10, 1), pace.promise(10, 1), pace.promise(11, 3)]).toEqual([2, 4, 9]);
    expect(pace.promise(50, 1)).toBe(2);
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

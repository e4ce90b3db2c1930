import { describe, expect, it } from 'vitest';
import { chooseBucket, cropSizeList } from '../../lib/data/buckets.js';
import { roundHalfEven } from '../../lib/image/center-crop.js';

describe('cropSizeList', () => {
  it('goes from the widest to the tallest and is symmetric', () => {
    const sizes = cropSizeList({ resolution: 128 });
    expect(sizes[0]).toEqual({ width: 256, height: 64 });
    const turned = sizes.map(({ width, height }) => ({ width: height, height: width })).reverse();
    expect(sizes).toEqual(turned);
  });

  it('holds only the square at ratio 1', () => {
    expect(cropSizeList({ resolution: 256, maxRatio: 1 })).toEqual([{ width: 256, height: 256 }]);
  });

  it('refuses settings without sense', () => {
    expect(() => cropSizeList({ resolution: 8 })).toThrow(/resolution 8/);
    expect(() => cropSizeList({ resolution: Number.NaN })).toThrow(/resolution NaN/);
    expect(() => cropSizeList({ resolution: 256, maxRatio: 0.5 })).toThrow(/below 1/);
  });
});

describe('chooseBucket', () => {
  it('keeps most of the picture', () => {
    const buckets = cropSizeList({ resolution: 128 });
    expect(chooseBucket({ width: 97, height: 301 }, buckets)).toEqual({ width: 64, height: 192 });
    expect(chooseBucket({ width: 4000, height: 500 }, buckets)).toEqual({ width: 256, height: 64 });
  });

  it('takes the larger of equals', () => {
    const buckets = [
      { width: 64, height: 64 },
      { width: 128, height: 128 },
      { width: 96, height: 96 },
    ];
    expect(chooseBucket({ width: 10, height: 10 }, buckets)).toEqual({ width: 128, height: 128 });
  });

  it('refuses an empty list', () => {
    expect(() => chooseBucket({ width: 1, height: 1 }, [])).toThrow(/no bucket/);
  });
});

it('rounds halves to even, as Python does', () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6, 3].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3, 3]);
});

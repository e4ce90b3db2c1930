import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { centerCropToBucket } from '../../lib/data/crop.js';
import { resizeImage } from '../../lib/image/resize.js';
import { cropImage, type RgbImage, rgbImage } from '../../lib/image/rgb-image.js';

/** Bytes of a fixed linear congruential generator, so that other programs can draw the same picture. */
function noise(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let state = 12345;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    data[i] = state >>> 24;
  }
  return rgbImage(width, height, data);
}

function digest(image: RgbImage): string {
  return createHash('sha256').update(image.data).digest('hex').slice(0, 16);
}

describe('resizeImage', () => {
  // Wanted digests: Pillow's Image.resize of the same bytes.
  it.each([
    [101, 67, 50, 33, 'box', '1d66c7317e528e77'],
    [101, 67, 40, 150, 'bicubic', '7dc1ce4c058259cb'],
    [64, 64, 7, 5, 'bicubic', '975952f7c995de07'],
    [3, 2, 100, 101, 'bicubic', '3ae53524b402f85c'],
    [1, 1, 4, 4, 'bicubic', 'f42d98b2c507a863'],
    [33, 20, 33, 11, 'bicubic', '8404bb6b796a729d'],
  ] as const)('equals Pillow: %dx%d to %dx%d, %s', (width, height, toWidth, toHeight, filter, wanted) => {
    const resized = resizeImage(noise(width, height), { width: toWidth, height: toHeight }, filter);
    expect([resized.width, resized.height]).toEqual([toWidth, toHeight]);
    expect(digest(resized)).toBe(wanted);
  });

  it('keeps one colour', () => {
    const grey = rgbImage(13, 9, new Uint8Array(13 * 9 * 3).fill(77));
    expect(new Set(resizeImage(grey, { width: 5, height: 40 }, 'bicubic').data)).toEqual(new Set([77]));
  });

  it('refuses sizes below a pixel', () => {
    expect(() => resizeImage(noise(2, 2), { width: 0, height: 2 }, 'box')).toThrow(/0x2/);
  });
});

describe('centerCropToBucket', () => {
  it('gives the size of the bucket for any picture', () => {
    const bucket = { width: 80, height: 48 };
    for (const [width, height] of [
      [1, 1],
      [80, 48],
      [81, 47],
      [500, 13],
      [333, 512],
    ] as const) {
      expect(centerCropToBucket(noise(width, height), bucket)).toMatchObject(bucket);
    }
  });

  it('leaves a picture of the size of the bucket alone', () => {
    const image = noise(64, 48);
    expect(centerCropToBucket(image, { width: 64, height: 48 }).data).toEqual(image.data);
  });
});

describe('cropImage', () => {
  it('copies the area', () => {
    const cropped = cropImage(noise(5, 4), { left: 3, top: 1, width: 2, height: 2 });
    const all = noise(5, 4).data;
    expect([...cropped.data]).toEqual([...all.slice(24, 30), ...all.slice(39, 45)]);
  });

  it('refuses areas outside', () => {
    expect(() => cropImage(noise(5, 4), { left: 4, top: 0, width: 2, height: 2 })).toThrow(
      /leaves a picture/,
    );
  });
});

/** Sizes that a metric of pairs cannot take are known before anything is computed. */
import { expect, it } from 'vitest';
import { unfitFor } from '../../../lib/eval/measure-pairs.js';

it.each([
  [['lpips'], 15, 99, 'has 15x99 pixels; lpips needs 16 a side'],
  [['psnr', 'ssim'], 10, 10, 'has 10x10 pixels; ssim needs 11 a side'],
  [['lpips'], 6000, 4000, 'has 6000x4000 pixels; lpips takes at most 16777216, as of 4096x4096'],
  [['lpips'], 4096, 4096, undefined],
  [['psnr', 'ssim'], 6000, 4000, undefined],
] as const)('%j of %ix%i', (metrics, width, height, message) => {
  expect(unfitFor(metrics, { width, height })).toBe(message);
});

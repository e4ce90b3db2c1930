/** How numbers are written for people. */
import { expect, it } from 'vitest';
import { infiniteRemarks, pairTable, setFigures } from '../../../lib/eval/metric-words.js';
import { summarize } from '../../../lib/eval/pair-values.js';

it('writes a distance of nothing without a sign', () => {
  expect(
    setFigures({ fid: -1e-13, kid: { mean: -0.0123, std: 0 } }, 'r').map(({ name, value }) => [name, value]),
  ).toEqual([
    ['rFID', '0.0000'],
    ['rKID', '-0.012300'],
  ]);
});

it('says of equal pictures that they are equal', () => {
  const infinite = Number.POSITIVE_INFINITY;
  const all = { psnr: summarize(Float64Array.of(infinite, infinite)) };
  expect(infiniteRemarks(all)).toEqual([
    '2 pairs are equal: PSNR is infinite there, and so is the mean; there are no others',
  ]);
  expect(pairTable('', all).rows[0]?.slice(0, 3)).toEqual(['PSNR', 'infinite', 'none: all are equal']);
  const some = { psnr: summarize(Float64Array.of(30, 30, infinite)) };
  expect(pairTable('', some).rows[0]?.[2]).toBe('30.00 dB to 30.00 dB without the equal ones');
});

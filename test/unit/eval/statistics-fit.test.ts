/** Statistics of another network, and what is no covariance, are known before any work. */
import { expect, it } from 'vitest';
import { checkCovariances, checkWidths } from '../../../lib/eval/statistics-fit.js';

const mu = (length: number) => new Float64Array(length);

it('knows the widths of the features of FID', () => {
  checkWidths('ref.npz', { mu: mu(2048) });
  checkWidths('ref.npz', { mu: mu(2048), spatial: { mu: mu(2023), sigma: mu(1) } });
  expect(() => checkWidths('ref.npz', { mu: mu(64) })).toThrow(
    "ref.npz: mu has 64 dimensions, FID's Inception 2048",
  );
  const other = { mu: mu(2048), spatial: { mu: mu(15), sigma: mu(1) } };
  expect(() => checkWidths('ref.npz', other)).toThrow(
    "ref.npz: mu_s has 15 dimensions, FID's Inception 2023",
  );
});

it.each([
  [[1, 0.5, 0.5, 2], undefined],
  // Rounding of fp32.
  [[1, 0.5, 0.5000001, -1e-9], undefined],
  [[1, 0.5, 0.4, 2], 'sigma is no covariance: it is not symmetric, by up to 0.0999'],
  [[1, 0, 0, -2], 'sigma is no covariance: it has the variance -2'],
  [[0, 0, 0, 0], undefined],
])('of %j says %s', (sigma, message) => {
  const check = () => checkCovariances('ref.npz', { mu: mu(2), sigma: Float64Array.from(sigma) });
  if (message === undefined) check();
  else expect(check).toThrow(`ref.npz: ${message}`);
});

it('looks at the spatial ones too', () => {
  const one = { mu: mu(1), sigma: Float64Array.of(1) };
  const spatial = { mu: mu(2), sigma: Float64Array.of(1, 2, 3, 1) };
  expect(() => checkCovariances('ref.npz', { ...one, spatial })).toThrow('sigma_s is no covariance');
});

/** Whether stored statistics are of FID's Inception, and whether a covariance can be one: before any picture is read. */
import { SvgT2IError } from '../errors.js';
import type { StoredStatistics } from './statistics.js';

/** Pool features of FID's Inception. */
export const POOL_FEATURES = 2048;
/** 17 x 17 of its spatial features, 7 channels of them. */
export const SPATIAL_FEATURES = 2023;

/** Rounding of a sigma that was kept in fp32 leaves less asymmetry than that share of its largest value. */
const MOST_ASYMMETRY = 1e-3;

/**
 * @throws SvgT2IError ERR_SVGT2I_DATA naming the member: statistics of another network, which cannot be held against
 *   pictures
 */
export function checkWidths(name: string, { mu, spatial }: Pick<StoredStatistics, 'mu' | 'spatial'>): void {
  checkWidth(name, 'mu', mu.length, POOL_FEATURES);
  if (spatial !== undefined) checkWidth(name, 'mu_s', spatial.mu.length, SPATIAL_FEATURES);
}

function checkWidth(name: string, member: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_DATA',
    `${name}: ${member} has ${found} dimensions, FID's Inception ${wanted}`,
    { hint: 'Name the statistics of the 2015 Inception, such as VIRTUAL_imagenet256_labeled.npz.' },
  );
}

/** @throws SvgT2IError ERR_SVGT2I_DATA naming the member that is no covariance: negative on its diagonal, not symmetric */
export function checkCovariances(name: string, { sigma, mu, spatial }: StoredStatistics): void {
  checkCovariance(name, 'sigma', sigma, mu.length);
  if (spatial !== undefined) checkCovariance(name, 'sigma_s', spatial.sigma, spatial.mu.length);
}

function checkCovariance(name: string, member: string, values: Float64Array, side: number): void {
  let [largest, asymmetry, least] = [0, 0, 0];
  for (let row = 0; row < side; row++) {
    least = Math.min(least, values[row * side + row] as number);
    for (let column = 0; column < row; column++) {
      const [below, above] = [values[row * side + column] as number, values[column * side + row] as number];
      asymmetry = Math.max(asymmetry, Math.abs(below - above));
      largest = Math.max(largest, Math.abs(below), Math.abs(above));
    }
    largest = Math.max(largest, Math.abs(values[row * side + row] as number));
  }
  const refuse = (reason: string) =>
    new SvgT2IError('ERR_SVGT2I_DATA', `${name}: ${member} is no covariance: ${reason}`, {
      hint: 'Write the statistics anew, for example with svg-t2i eval stats.',
    });
  if (least < -MOST_ASYMMETRY * largest) throw refuse(`it has the variance ${least}`);
  if (asymmetry > MOST_ASYMMETRY * largest) throw refuse(`it is not symmetric, by up to ${asymmetry}`);
}

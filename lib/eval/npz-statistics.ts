/** The statistics that an npz holds under the names that ADM, pytorch-fid and clean-fid give them. */
import type { SignalOptions } from '../abort.js';
import { NpzError } from '../npz/members.js';
import type { NpyArray, NpzFile } from '../npz/read.js';
import type { StoredStatistics } from './statistics.js';

/** mu and sigma of the pool features, mu_s and sigma_s of the spatial ones. */
export const STATISTICS_NAMES = ['mu', 'sigma', 'mu_s', 'sigma_s'] as const;

/**
 * Mean and covariance of features, in fp64 whatever the file has; undefined where it has none of them.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT naming the member: one without the other, another type than float, a sigma
 *   that is not (d, d) with mu's d, a value that is no number
 */
export async function readStatistics(
  file: NpzFile,
  { signal }: SignalOptions = {},
): Promise<StoredStatistics | undefined> {
  const pool = await readPair(file, 'mu', 'sigma', signal);
  const spatial = await readPair(file, 'mu_s', 'sigma_s', signal);
  if (pool === undefined) {
    if (spatial === undefined) return undefined;
    throw new NpzError(file.path, 'mu', 'is not there, and mu_s is: there is no FID without mu and sigma');
  }
  return {
    ...pool,
    ...(spatial === undefined ? {} : { spatial }),
    ...(await readCount(file)),
  };
}

async function readPair(
  file: NpzFile,
  meanName: string,
  covarianceName: string,
  signal: AbortSignal | undefined,
): Promise<Pick<StoredStatistics, 'mu' | 'sigma'> | undefined> {
  const [hasMean, hasCovariance] = [file.has(meanName), file.has(covarianceName)];
  if (!hasMean && !hasCovariance) return undefined;
  if (!hasMean || !hasCovariance) {
    const [there, missing] = hasMean ? [meanName, covarianceName] : [covarianceName, meanName];
    throw new NpzError(file.path, missing, `is not there, and ${there} is`);
  }
  // Shapes first: a covariance that does not fit is not read.
  const [mean, covariance] = [await file.member(meanName), await file.member(covarianceName)];
  const [dimensions = 0, ...more] = mean.shape;
  if (more.length > 0 || dimensions === 0) {
    throw new NpzError(file.path, meanName, `has the shape (${mean.shape.join(', ')}), not (d)`);
  }
  if (covariance.shape.length !== 2 || covariance.shape.some((side) => side !== dimensions)) {
    const wanted = `(${dimensions}, ${dimensions}) as ${meanName} wants`;
    throw new NpzError(
      file.path,
      covarianceName,
      `has the shape (${covariance.shape.join(', ')}), not ${wanted}`,
    );
  }
  return {
    mu: doubles(file, meanName, await file.read(meanName, { signal })),
    sigma: doubles(file, covarianceName, await file.read(covarianceName, { signal })),
  };
}

function doubles(file: NpzFile, name: string, { dtype, data }: NpyArray): Float64Array<ArrayBuffer> {
  if (dtype !== 'float32' && dtype !== 'float64') {
    throw new NpzError(file.path, name, `holds values of type ${dtype}, not of float32 or float64`);
  }
  const values = Float64Array.from(data as Float32Array | Float64Array);
  const broken = values.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) throw new NpzError(file.path, name, `has the value ${values[broken]}, at ${broken}`);
  return values;
}

/** A member of our own, which others leave alone: of how many pictures. */
async function readCount(file: NpzFile): Promise<{ readonly count?: number }> {
  if (!file.has('count')) return {};
  const { shape, data } = await file.read('count');
  const count = Number(data[0]);
  return shape.every((side) => side === 1) && Number.isSafeInteger(count) && count > 0 ? { count } : {};
}

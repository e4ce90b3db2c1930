/** Whether two sets have what the metrics need, before any work. */
import type { MetricName, Protocol } from '../config/eval/measure.js';
import { PAIR_METRICS } from '../config/eval/measure.js';
import { SvgT2IError } from '../errors.js';
import type { PictureSource } from './picture-set.js';
import { POOL_FEATURES } from './statistics-fit.js';

/** Pictures of which there is a covariance. */
export const MOMENTS_NEED = 2;

/** Metrics that can do with mean and covariance. */
const OF_STATISTICS: ReadonlySet<MetricName> = new Set<MetricName>(['fid', 'sfid']);
/** Metrics of one set alone. */
const WITHOUT_REFERENCE: ReadonlySet<MetricName> = new Set<MetricName>(['is']);
const OF_PAIRS: ReadonlySet<string> = new Set(PAIR_METRICS);

/** What is asked of a set before any work. */
export type CountedSet = Pick<PictureSource, 'name' | 'count' | 'hasPictures' | 'statistics'>;

export interface Needs {
  readonly set: CountedSet;
  readonly reference: CountedSet | undefined;
  readonly metrics: readonly MetricName[];
  readonly protocol: Protocol;
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT naming the metrics and the set that they cannot be taken of */
export function checkNeeds({ set, reference, metrics, protocol }: Needs): void {
  const compared = metrics.filter((metric) => !WITHOUT_REFERENCE.has(metric));
  checkSide(set, metrics, protocol);
  if (reference === undefined) {
    if (compared.length === 0) return;
    throw refused(`${compared.join(', ')}: there is nothing to compare ${set.name} with`, {
      hint: 'Give a second set, or ask for is alone.',
    });
  }
  checkSide(reference, compared, protocol);
  const [own, other] = [set.statistics, reference.statistics];
  if (own !== undefined && other !== undefined && own.mu.length !== other.mu.length) {
    throw refused(
      `${set.name} holds means of ${own.mu.length} features and ${reference.name} of ${other.mu.length}: they come from different networks`,
    );
  }
}

function checkSide(source: CountedSet, metrics: readonly MetricName[], protocol: Protocol): void {
  if (!source.hasPictures) {
    const wanting = metrics.filter((metric) => !OF_STATISTICS.has(metric));
    if (wanting.length > 0) {
      const each = wanting.some((metric) => OF_PAIRS.has(metric))
        ? 'the pictures'
        : "each picture's features";
      throw refused(`${wanting.join(', ')}: ${source.name} holds statistics alone, and ${each} are needed`, {
        hint: 'Give the pictures, as a folder or an .npz with arr_0, or ask for fid and sfid only.',
      });
    }
    if (metrics.includes('sfid') && source.statistics?.spatial === undefined) {
      throw refused(`sfid: ${source.name} has mu and sigma, and no mu_s and sigma_s`, {
        hint: 'Write the statistics with svg-t2i eval stats, or leave sfid out.',
      });
    }
    return;
  }
  for (const [metric, least, why] of leastCounts(protocol)) {
    if (!metrics.includes(metric) || source.count >= least) continue;
    throw refused(`${metric}: ${source.name} has ${source.count} pictures, fewer than ${why}`);
  }
}

function leastCounts(protocol: Protocol): readonly (readonly [MetricName, number, string])[] {
  const { kidSubsetSize, splits, neighbours } = protocol;
  return [
    ['fid', MOMENTS_NEED, `the ${MOMENTS_NEED} that a covariance needs`],
    ['sfid', MOMENTS_NEED, `the ${MOMENTS_NEED} that a covariance needs`],
    ['kid', kidSubsetSize, `the ${kidSubsetSize} of a subset (--kid-subset-size)`],
    ['pr', neighbours + 1, `the ${neighbours} neighbours of one and itself (--neighbours)`],
    ...(protocol.protocol === 'adm' ? [] : [['is', splits, `the ${splits} splits (--splits)`] as const]),
  ];
}

function refused(message: string, details: { readonly hint?: string } = {}): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message, details);
}

/**
 * A line where mean and covariance are of few pictures; `count` is undefined where a file does not say of how many they
 * are.
 */
export function countRemarks(
  { name, count }: { readonly name: string; readonly count: number | undefined },
  metrics: readonly MetricName[],
): readonly string[] {
  const ofMoments = metrics.filter((metric) => OF_STATISTICS.has(metric));
  if (ofMoments.length === 0 || count === undefined || count >= POOL_FEATURES) return [];
  return [
    `${name}: ${ofMoments.join(', ')} of ${count} pictures, fewer than the ${POOL_FEATURES} dimensions of the features: the number is too large by much, compare it only with one of as many pictures (kid has no such bias)`,
  ];
}

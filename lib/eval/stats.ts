/** `eval stats`: mean and covariance of a set's features, once, in a file that other programs read, too. */
import { dirname } from 'node:path';
import type { SetMetricName } from '../config/eval/measure.js';
import { type StatsConfig, statsSchema } from '../config/eval/stats.js';
import { validate } from '../config/validate.js';
import { Engine } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import { makeFolder } from '../files.js';
import { writeNpz } from '../npz/write.js';
import { PACKAGE_VERSION } from '../version.js';
import { BadPictures } from './bad-pictures.js';
import { engineOptions } from './engine-options.js';
import type { EvaluateOptions } from './events.js';
import { fingerprintOf, readingText } from './fingerprint.js';
import { measureSet } from './measure-set.js';
import type { StatsRequest, StatsResult } from './measure-types.js';
import { checkNetworks, Measurement } from './measurement.js';
import { countRemarks, MOMENTS_NEED } from './needs.js';
import { openPictures } from './open-pictures.js';
import { checkNotSource } from './own-source.js';
import type { PictureSource } from './picture-set.js';
import { provenanceMember } from './provenance.js';
import { settleReading } from './reading.js';
import { SetFacts } from './set-facts.js';
import type { StoredStatistics } from './statistics.js';

/**
 * Writes mu and sigma (fp64) of a set's pool features, and mu_s and sigma_s of its spatial ones, under the names that ADM's
 * evaluator, pytorch-fid and clean-fid read; beside them `count` and `provenance`, which those pass over.
 *
 * @throws SvgT2IError as evaluateImages(); ERR_SVGT2I_IO, ERR_SVGT2I_DISK_FULL
 */
export async function evaluateStats(
  request: StatsRequest,
  options: EvaluateOptions = {},
): Promise<StatsResult> {
  const config = validate(statsSchema, request, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  const metrics: readonly SetMetricName[] = config.spatial ? ['fid', 'sfid'] : ['fid'];
  checkNetworks({ networks: config, metrics });
  const source = await openPictures(config.set, settleReading(config));
  try {
    return await writeStats(config, source, metrics, options);
  } finally {
    await source.close();
  }
}

async function writeStats(
  config: StatsConfig,
  source: PictureSource,
  metrics: readonly SetMetricName[],
  options: EvaluateOptions,
): Promise<StatsResult> {
  const began = performance.now();
  const { signal, onEvent } = options;
  checkPictures(source);
  await checkNotSource(config.out, config.set);
  await makeFolder(dirname(config.out));
  const reading = settleReading(config);
  const facts = new SetFacts(source.name);
  const bad = new BadPictures(source, { maxShare: config.maxBadShare, onEvent });
  const fingerprint = await fingerprintOf(source, reading);
  await using engine = await Engine.create(engineOptions(config), { signal, owner: 'The evaluation' });
  const { inception, spillMegabytes } = config;
  const measurement = await Measurement.open(engine, {
    networks: { inception },
    metrics,
    spillMegabytes,
    signal,
  });
  await measureSet(measurement, { set: source.name, source, facts, bad }, options);
  const statistics = await measurement.statistics(source.name, signal);
  const provenance = {
    writer: `svg-t2i ${PACKAGE_VERSION}`,
    sizes: facts.sizes.slice(0, 8),
    reading: readingText(reading),
    fingerprint,
  };
  await writeNpz(config.out, [...members(statistics), provenanceMember(provenance)], { signal });
  const warnings = [
    ...measurement.remarks,
    ...source.remarks,
    ...facts.remarks(reading.decode.alpha),
    ...countRemarks({ name: source.name, count: facts.count }, metrics),
  ];
  for (const message of warnings) onEvent?.({ type: 'warning', message });
  return {
    kind: 'stats',
    path: config.out,
    set: {
      name: source.name,
      pictures: facts.count,
      unreadable: bad.list.length,
      sizes: facts.sizes,
    },
    dimensions: statistics.mu.length,
    bad: bad.list.map(({ path, message }) => ({ path, message })),
    warnings,
    seconds: (performance.now() - began) / 1000,
  };
}

function checkPictures({ name, hasPictures, count }: PictureSource): void {
  if (!hasPictures) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${name} holds statistics already, and no pictures`);
  }
  if (count >= MOMENTS_NEED) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `${name} has ${count} picture; a covariance needs ${MOMENTS_NEED}`,
  );
}

/** As numpy.savez would write them. */
function members({ mu, sigma, spatial, count = 0 }: StoredStatistics) {
  const pair = (ending: string, mean: StoredStatistics['mu'], covariance: StoredStatistics['sigma']) => [
    { name: `mu${ending}`, dtype: 'float64', shape: [mean.length], data: mean } as const,
    {
      name: `sigma${ending}`,
      dtype: 'float64',
      shape: [mean.length, mean.length],
      data: covariance,
    } as const,
  ];
  return [
    ...pair('', mu, sigma),
    ...(spatial === undefined ? [] : pair('_s', spatial.mu, spatial.sigma)),
    { name: 'count', dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(count)) } as const,
  ];
}

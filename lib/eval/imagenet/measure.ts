/** Measures samples as ADM's evaluator does: FID and sFID of the reference's own statistics, precision and recall of its pictures. */
import type { NetworkFiles, SetMetricName } from '../../config/eval/measure.js';
import type { Engine } from '../../engine.js';
import type { MeasureResultValue } from '../../native/measure-jobs.js';
import { BadPictures } from '../bad-pictures.js';
import type { EvaluateOptions } from '../events.js';
import { measureSet } from '../measure-set.js';
import { Measurement } from '../measurement.js';
import type { PictureSource } from '../picture-set.js';
import { SetFacts } from '../set-facts.js';
import type { ReferenceUse } from './reference.js';

/** Sets of the measurement. */
const SAMPLES = 'samples';
const STATISTICS = 'statistics of the reference';
const PICTURES = 'pictures of the reference';

export interface AdmMeasurement {
  readonly samples: PictureSource;
  readonly reference: PictureSource;
  readonly use: ReferenceUse;
  readonly networks: Pick<NetworkFiles, 'inception'>;
  readonly neighbours: number;
  readonly spillMegabytes: number;
}

/**
 * The numbers of ADM's protocol: Inception Score of parts of 5000 in their order, without the logits' bias.
 *
 * @throws SvgT2IError as the engine's jobs; ERR_SVGT2I_DATA for a picture that cannot be read; the reason of the signal
 */
export async function measureAsAdm(
  engine: Pick<Engine, 'run'>,
  { samples, reference, use, networks, neighbours, spillMegabytes }: AdmMeasurement,
  options: EvaluateOptions,
): Promise<MeasureResultValue> {
  const { signal } = options;
  const { metrics, hasStatistics } = use;
  await using measurement = await Measurement.open(engine, { networks, metrics, spillMegabytes, signal });
  const take = (set: string, source: PictureSource) => {
    const bad = new BadPictures(source, { maxShare: 0, onEvent: options.onEvent });
    return measureSet(measurement, { set, source, facts: new SetFacts(source.name), bad }, options);
  };
  if (hasStatistics && reference.statistics !== undefined) {
    await measurement.addStatistics(STATISTICS, reference.statistics, signal);
  }
  if (metrics.includes('pr') || !hasStatistics) await take(PICTURES, reference);
  await take(SAMPLES, samples);
  const protocol = {
    protocol: 'adm' as const,
    neighbours,
    // Of other protocols.
    splits: 1,
    kidSubsets: 1,
    kidSubsetSize: 2,
    seed: 0,
  };
  const ask = (wanted: readonly SetMetricName[], against: string | undefined) =>
    measurement.result({ set: SAMPLES, reference: against, metrics: wanted, protocol }, signal);
  const ofStatistics = metrics.filter((metric) => metric === 'fid' || metric === 'sfid');
  const ofPictures = metrics.filter((metric) => metric === 'pr');
  const ofSamples = metrics.filter((metric) => metric === 'is');
  return {
    ...(await ask(ofStatistics, hasStatistics ? STATISTICS : PICTURES)),
    ...(ofPictures.length === 0 ? {} : await ask(ofPictures, PICTURES)),
    ...(await ask(ofSamples, undefined)),
  };
}

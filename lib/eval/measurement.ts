/** The engine's measuring jobs as calls: pictures into sets, statistics, distances of sets and of pairs. */
import { tmpdir } from 'node:os';
import { types } from 'node:util';
import type { PairMetricName, Protocol, SetMetricName } from '../config/eval/measure.js';
import { INCEPTION_FILES, LPIPS_FILES } from '../config/eval/measure.js';
import type { Engine } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { NativeTensor } from '../native/binding.js';
import type {
  MeasureOpenValue,
  MeasureResultRequest,
  MeasureResultValue,
  StatisticsTensors,
} from '../native/measure-jobs.js';
import { imageTensor } from '../pipeline/tensors.js';
import type { StoredStatistics } from './statistics.js';

export interface MeasurementOptions {
  /** Files of networks, as networkShape describes them. */
  readonly networks: {
    readonly inception?: string | undefined;
    readonly lpips?: string | undefined;
    readonly lpipsLinear?: string | undefined;
  };
  /** What will be asked for: it decides what is kept of each set. */
  readonly metrics: readonly (SetMetricName | PairMetricName)[];
  /** Rows of features above this go to a file. */
  readonly spillMegabytes?: number | undefined;
  /** Where that file goes. Default: the folder for temporary files, which on some systems is memory. */
  readonly spillFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** ADM takes the Inception Score of parts of so many pictures. */
const ADM_PART = 5000;
const MEGABYTE = 2 ** 20;
const SPILL_MEGABYTES = 2048;
/** So that crossing to the engine costs nothing beside what is done there. */
const LEAST_BATCH = 16;

const NEED_INCEPTION: ReadonlySet<string> = new Set<SetMetricName>(['fid', 'sfid', 'kid', 'is', 'pr']);

/** The values of each pair, by metric. */
export type PairValues = Readonly<Partial<Record<PairMetricName, Float64Array>>>;

/**
 * Whether the networks are named that the metrics need, before any work.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING that names the published files
 */
export function checkNetworks({ networks, metrics }: Pick<MeasurementOptions, 'networks' | 'metrics'>): void {
  const ofInception = metrics.filter((metric) => NEED_INCEPTION.has(metric));
  if (ofInception.length > 0 && networks.inception === undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISSING',
      `${ofInception.join(', ')}: the weights of FID's Inception are not given`,
      { hint: `Pass --inception FILE: ${INCEPTION_FILES}.` },
    );
  }
  if (metrics.includes('lpips') && networks.lpips === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_WEIGHTS_MISSING', 'lpips: its weights are not given', {
      hint: `Pass --lpips FILE, and --lpips-linear FILE where the linear layers lie apart: ${LPIPS_FILES}.`,
    });
  }
}

/** Uses an engine of the caller's, which it does not dispose of; the engine has one measurement at a time. */
export class Measurement {
  /** Pictures that a network takes at once, or a multiple: what a call brings should be a multiple of it. */
  readonly batch: number;
  /** On the networks' files. */
  readonly remarks: readonly string[];
  readonly #engine: Pick<Engine, 'run'>;

  private constructor(engine: Pick<Engine, 'run'>, { inception, remarks = [] }: MeasureOpenValue) {
    this.#engine = engine;
    const { batch = 1 } = inception ?? {};
    this.batch = batch * Math.ceil(LEAST_BATCH / batch);
    this.remarks = remarks;
  }

  /**
   * Loads the networks that the metrics need.
   *
   * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING, ERR_SVGT2I_WEIGHTS_MISMATCH for another network's file
   */
  static async open(engine: Pick<Engine, 'run'>, options: MeasurementOptions): Promise<Measurement> {
    checkNetworks(options);
    const { networks, metrics, signal } = options;
    const sets = metrics.filter((metric): metric is SetMetricName => NEED_INCEPTION.has(metric));
    const { inception, lpips } = networks;
    const { value } = await engine.run(
      'measure-open',
      {
        ...(inception === undefined || sets.length === 0 ? {} : { inception: { path: inception } }),
        ...(lpips === undefined || !metrics.includes('lpips')
          ? {}
          : { lpips: { net: lpips, lin: networks.lpipsLinear ?? lpips } }),
        metrics: sets,
        spill: {
          bytes: (options.spillMegabytes ?? SPILL_MEGABYTES) * MEGABYTE,
          folder: options.spillFolder ?? tmpdir(),
        },
      },
      { signal },
    );
    return new Measurement(engine, value);
  }

  /** Adds pictures to a set; the set's number of pictures then. */
  async add(set: string, images: readonly RgbImage[], signal?: AbortSignal): Promise<number> {
    const { value } = await this.#engine.run(
      'measure-add',
      { set },
      { tensors: numbered('image', images), signal },
    );
    return value.count;
  }

  /** A set of which only these are known: distances of means and covariances are all that can be asked of it. */
  async addStatistics(set: string, statistics: StoredStatistics, signal?: AbortSignal): Promise<void> {
    const { mu, sigma, spatial, count = 0 } = statistics;
    const tensors: StatisticsTensors = {
      mu: vector(mu),
      sigma: matrix(sigma, mu.length),
      ...(spatial === undefined
        ? {}
        : { mu_s: vector(spatial.mu), sigma_s: matrix(spatial.sigma, spatial.mu.length) }),
    };
    await this.#engine.run('measure-reference', { set, count }, { tensors, signal });
  }

  async statistics(set: string, signal?: AbortSignal): Promise<StoredStatistics> {
    const { value, tensors } = await this.#engine.run('measure-statistics', { set }, { signal });
    const { mu, sigma, mu_s, sigma_s } = tensors;
    return {
      mu: doubles(mu, 'mu'),
      sigma: doubles(sigma, 'sigma'),
      ...(mu_s === undefined || sigma_s === undefined
        ? {}
        : { spatial: { mu: doubles(mu_s, 'mu_s'), sigma: doubles(sigma_s, 'sigma_s') } }),
      count: value.count,
    };
  }

  /** Numbers of a set, or of a set against a reference. */
  async result(
    request: {
      readonly set: string;
      readonly reference?: string | undefined;
      readonly metrics: readonly SetMetricName[];
      readonly protocol: Protocol;
    },
    signal?: AbortSignal,
  ): Promise<MeasureResultValue> {
    const { set, reference, metrics, protocol } = request;
    const { value } = await this.#engine.run(
      'measure-result',
      { set, ...(reference === undefined ? {} : { reference }), metrics, ...resultSettings(protocol) },
      { signal },
    );
    return value;
  }

  /** Distances of each picture to its partner of the same size. */
  async pairs(
    pairs: readonly (readonly [RgbImage, RgbImage])[],
    metrics: readonly PairMetricName[],
    signal?: AbortSignal,
  ): Promise<PairValues> {
    const tensors = {
      ...numbered(
        'a',
        pairs.map(([a]) => a),
      ),
      ...numbered(
        'b',
        pairs.map(([, b]) => b),
      ),
    };
    const { tensors: results } = await this.#engine.run('measure-pairs', { metrics }, { tensors, signal });
    return Object.fromEntries(metrics.map((metric) => [metric, doubles(results[metric], metric)]));
  }

  /** Frees the networks and all that was kept. */
  async close(): Promise<void> {
    await this.#engine.run('measure-close', {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function resultSettings({
  protocol,
  splits,
  seed,
  neighbours,
  kidSubsets,
  kidSubsetSize,
}: Protocol): Pick<MeasureResultRequest, 'kid' | 'inceptionScore' | 'neighbours'> {
  return {
    kid: { subsets: kidSubsets, subsetSize: kidSubsetSize, seed, degree: 3, gamma: null, coef0: 1 },
    inceptionScore: protocol === 'adm' ? { protocol, partSize: ADM_PART } : { protocol, splits, seed },
    neighbours,
  };
}

function numbered<Name extends string>(
  name: Name,
  images: readonly RgbImage[],
): Readonly<Record<`${Name}.${number}`, NativeTensor>> {
  return Object.fromEntries(images.map((image, i) => [`${name}.${i}`, imageTensor(image)])) as Record<
    `${Name}.${number}`,
    NativeTensor
  >;
}

function vector(data: Float64Array): NativeTensor {
  return { dtype: 'float64', shape: [data.length], data };
}

function matrix(data: Float64Array, side: number): NativeTensor {
  return { dtype: 'float64', shape: [side, side], data };
}

function doubles(tensor: NativeTensor | undefined, name: string): Float64Array<ArrayBuffer> {
  // Asked of the engine of JavaScript: an array from another realm (jest) is one as well. The addon shares no memory.
  if (types.isFloat64Array(tensor?.data)) return tensor.data as Float64Array<ArrayBuffer>;
  throw new SvgT2IError(
    'ERR_SVGT2I_INTERNAL',
    `the engine returned ${name} as ${tensor?.dtype ?? 'nothing'}`,
  );
}

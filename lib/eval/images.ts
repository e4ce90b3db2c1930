/** `eval images`: the metrics of a set of pictures, against another one. */
import { type ImagesConfig, imagesSchema } from '../config/eval/images.js';
import {
  PAIR_METRICS,
  type PairMetricName,
  SET_METRICS,
  type SetMetricName,
} from '../config/eval/measure.js';
import { validate } from '../config/validate.js';
import { Engine } from '../engine.js';
import { makeFolder } from '../files.js';
import { BadPictures } from './bad-pictures.js';
import { engineOptions } from './engine-options.js';
import type { EvaluateOptions } from './events.js';
import { writeImagesReport } from './images-report.js';
import { type MeasuredPair, measurePairs } from './measure-pairs.js';
import { measureSet } from './measure-set.js';
import type { ImagesRequest, ImagesResult, SetSummary, SetValues } from './measure-types.js';
import { checkNetworks, Measurement } from './measurement.js';
import { infiniteRemarks } from './metric-words.js';
import { checkNeeds, countRemarks } from './needs.js';
import { openPictures } from './open-pictures.js';
import { checkReportFiles } from './own-source.js';
import { type PairPlan, planPairs } from './pair-plan.js';
import { summarizePairs } from './pair-values.js';
import type { PictureSource } from './picture-set.js';
import { type SettledReading, settleReading } from './reading.js';
import { resolutionRemarks } from './resolution-remarks.js';
import { SetFacts, unlikeness } from './set-facts.js';
import { checkCovariances, checkWidths } from './statistics-fit.js';

/**
 * Measures a set of pictures, or a set against a reference.
 *
 * @throws SvgT2IError before any picture is read: ERR_SVGT2I_INVALID_ARGUMENT for metrics that the sets do not have what
 *   for, ERR_SVGT2I_WEIGHTS_MISSING for a network that is not named, ERR_SVGT2I_WEIGHTS_MISMATCH for another network's
 *   file, ERR_SVGT2I_FILE_FORMAT for a set that is none; ERR_SVGT2I_DATA where too many pictures cannot be read; the
 *   reason of the signal
 */
export async function evaluateImages(
  request: ImagesRequest,
  options: EvaluateOptions = {},
): Promise<ImagesResult> {
  const config = validate(imagesSchema, request, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  const began = performance.now();
  checkNetworks({ networks: config, metrics: config.metrics });
  const reading = settleReading(config);
  const set = await openPictures(config.set, reading);
  let reference: PictureSource | undefined;
  try {
    if (config.reference !== undefined) reference = await openPictures(config.reference, reading);
    const run = new ImagesRun(config, reading, { set, reference }, options);
    await run.measure();
    return await run.result((performance.now() - began) / 1000);
  } finally {
    await set.close();
    await reference?.close();
  }
}

type Side = 'set' | 'reference';

/** What the measurement calls the sets, and its errors with it. */
interface SetNames {
  readonly measured: string;
  /** Of a file that has both pictures and statistics: FID takes the latter, as ADM's evaluator does. */
  readonly stored: string;
}

function namesOf(name: string, suffix: string): SetNames {
  return { measured: `${name}${suffix}`, stored: `statistics of ${name}${suffix}` };
}

class ImagesRun {
  readonly #config: ImagesConfig;
  readonly #reading: SettledReading;
  readonly #sources: { readonly set: PictureSource; readonly reference: PictureSource | undefined };
  readonly #options: EvaluateOptions;
  readonly #facts: { readonly set: SetFacts; readonly reference: SetFacts };
  readonly #bad: { readonly set: BadPictures; readonly reference: BadPictures };
  readonly #setMetrics: readonly SetMetricName[];
  readonly #pairMetrics: readonly PairMetricName[];
  readonly #names: Readonly<Record<Side, SetNames>>;
  readonly #warnings: string[] = [];
  #values: SetValues = {};
  #pairs: readonly MeasuredPair[] = [];
  #plan: PairPlan | undefined;

  constructor(
    config: ImagesConfig,
    reading: SettledReading,
    sources: { readonly set: PictureSource; readonly reference: PictureSource | undefined },
    options: EvaluateOptions,
  ) {
    this.#config = config;
    this.#reading = reading;
    this.#sources = sources;
    this.#options = options;
    const { set, reference = set } = sources;
    const { onEvent } = options;
    this.#facts = { set: new SetFacts(set.name), reference: new SetFacts(reference.name) };
    // A set may be held against itself.
    const isItself = set.name === reference.name;
    this.#names = {
      set: namesOf(set.name, ''),
      reference: namesOf(reference.name, isItself ? ' (reference)' : ''),
    };
    const how = { maxShare: config.maxBadShare, onEvent };
    this.#setMetrics = SET_METRICS.filter((metric) => config.metrics.includes(metric));
    this.#pairMetrics = PAIR_METRICS.filter((metric) => config.metrics.includes(metric));
    const pairs = this.#pairMetrics.length > 0;
    this.#bad = { set: new BadPictures(set, { ...how, pairs }), reference: new BadPictures(reference, how) };
  }

  async measure(): Promise<void> {
    const { set, reference } = this.#sources;
    const { metrics } = this.#config;
    checkNeeds({ set, reference, metrics, protocol: this.#config });
    if (this.#pairMetrics.length > 0 && reference !== undefined) this.#plan = await planPairs(set, reference);
    const plan = this.#plan;
    this.#checkStatistics();
    await this.#prepareOut();
    for (const remark of [...set.remarks, ...(reference?.remarks ?? [])]) this.#warn(remark);
    const { signal } = this.#options;
    await using engine = await Engine.create(engineOptions(this.#config), {
      signal,
      owner: 'The evaluation',
    });
    const { spillMegabytes } = this.#config;
    const measurement = await Measurement.open(engine, {
      networks: this.#config,
      metrics,
      spillMegabytes,
      spillFolder: this.#config.out,
      signal,
    });
    for (const remark of measurement.remarks) this.#warn(remark);
    await this.#addStatistics(measurement);
    const addTo = {
      set: this.#needsPictures('set') ? this.#names.set.measured : undefined,
      reference: this.#needsPictures('reference') ? this.#names.reference.measured : undefined,
    };
    if (plan !== undefined && reference !== undefined) {
      this.#pairs = await measurePairs(
        measurement,
        {
          set,
          reference,
          plan,
          metrics: this.#pairMetrics,
          addTo,
          facts: this.#facts,
          bad: this.#bad.set,
        },
        this.#options,
      );
    } else {
      for (const side of ['set', 'reference'] as const) await this.#addSide(measurement, side, addTo[side]);
    }
    this.#remark();
    if (this.#setMetrics.length > 0) this.#values = await this.#setValues(measurement);
  }

  async #addSide(measurement: Measurement, side: Side, name: string | undefined) {
    const source = this.#sources[side];
    if (source === undefined || name === undefined) return;
    const measured = { set: name, source, facts: this.#facts[side], bad: this.#bad[side] };
    await measureSet(measurement, measured, this.#options);
  }

  #needsPictures(side: Side): boolean {
    if (side === 'reference' && this.#sources.reference === undefined) return false;
    return this.#setMetrics.some(
      (metric) => !(side === 'reference' && metric === 'is') && !this.#takesStored(metric, side),
    );
  }

  /** FID is taken of stored statistics where there are some; sFID of pictures where a file has mu and sigma only. */
  #takesStored(metric: SetMetricName, side: Side): boolean {
    const statistics = this.#sources[side]?.statistics;
    if (metric === 'fid') return statistics !== undefined;
    return metric === 'sfid' && statistics?.spatial !== undefined;
  }

  async #prepareOut(): Promise<void> {
    const { out, set, reference } = this.#config;
    if (out === undefined) return;
    await checkReportFiles(out, reference === undefined ? [set] : [set, reference]);
    await makeFolder(out);
  }

  /** Two stored sides may be of another network, as long as it is one for both. */
  #checkStatistics(): void {
    const used = this.#sides.filter((side) =>
      this.#setMetrics.some((metric) => this.#takesStored(metric, side)),
    );
    for (const side of used) {
      const { name = '', statistics } = this.#sources[side] ?? {};
      if (statistics === undefined) continue;
      checkCovariances(name, statistics);
      if (used.length < 2) checkWidths(name, statistics);
    }
  }

  async #addStatistics(measurement: Measurement): Promise<void> {
    for (const side of ['set', 'reference'] as const) {
      const statistics = this.#sources[side]?.statistics;
      if (statistics === undefined || !this.#setMetrics.some((metric) => this.#takesStored(metric, side)))
        continue;
      await measurement.addStatistics(this.#names[side].stored, statistics, this.#options.signal);
    }
  }

  /** Metrics that take the same sets are asked for together. */
  async #setValues(measurement: Measurement): Promise<SetValues> {
    const groups = new Map<string, { names: readonly [string, string]; metrics: SetMetricName[] }>();
    const nameOf = (metric: SetMetricName, side: Side) =>
      this.#takesStored(metric, side) ? this.#names[side].stored : this.#names[side].measured;
    for (const metric of this.#setMetrics) {
      const names = [nameOf(metric, 'set'), metric === 'is' ? '' : nameOf(metric, 'reference')] as const;
      const key = names.join('\n');
      const group = groups.get(key) ?? { names, metrics: [] };
      group.metrics.push(metric);
      groups.set(key, group);
    }
    let values: SetValues = {};
    for (const { names, metrics } of groups.values()) {
      this.#options.onEvent?.({ type: 'progress', done: 0, what: metrics.join(', ') });
      const [set, reference] = names;
      const request = { set, metrics, protocol: this.#config };
      values = {
        ...values,
        ...(await measurement.result(
          reference === '' ? request : { ...request, reference },
          this.#options.signal,
        )),
      };
    }
    return values;
  }

  #remark(): void {
    const { set, reference } = this.#sources;
    const { metrics } = this.#config;
    const { alpha } = this.#reading.decode;
    const facts = reference === undefined ? [this.#facts.set] : [this.#facts.set, this.#facts.reference];
    const remarks = [
      ...facts.flatMap((one) => one.remarks(alpha)),
      ...(reference === undefined ? [] : unlikeness(this.#facts.set, this.#facts.reference)),
      ...this.#sides.flatMap((side) => countRemarks(this.#momentsOf(side), metrics)),
      ...(reference === undefined
        ? []
        : resolutionRemarks(
            { source: set, facts: this.#facts.set },
            { source: reference, facts: this.#facts.reference },
          )),
    ];
    for (const remark of remarks) this.#warn(remark);
  }

  get #sides(): readonly Side[] {
    return this.#sources.reference === undefined ? ['set'] : ['set', 'reference'];
  }

  /** Of how many pictures the mean and covariance are: of stored ones as the file says, whatever lies beside them. */
  #momentsOf(side: Side): { readonly name: string; readonly count: number | undefined } {
    const { name = '', statistics } = this.#sources[side] ?? {};
    return { name, count: statistics === undefined ? this.#facts[side].count : statistics.count };
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    this.#options.onEvent?.({ type: 'warning', message });
  }

  #unreadable(side: Side): number {
    if (this.#plan === undefined) return this.#bad[side].list.length;
    return this.#bad.set.list.filter((bad) => bad.side === side).length;
  }

  #summaries(): readonly SetSummary[] {
    return (['set', 'reference'] as const).flatMap((side) => {
      const source = this.#sources[side];
      if (source === undefined) return [];
      const facts = this.#facts[side];
      return {
        name: source.name,
        pictures: facts.count > 0 ? facts.count : (source.statistics?.count ?? 0),
        unreadable: this.#unreadable(side),
        sizes: facts.sizes,
      };
    });
  }

  async result(seconds: number): Promise<ImagesResult> {
    const pairs = this.#pairMetrics.length === 0 ? undefined : summarizePairs(this.#pairs, this.#pairMetrics);
    for (const remark of infiniteRemarks(pairs ?? {})) this.#warn(remark);
    const [set, reference] = this.#summaries() as [SetSummary, SetSummary | undefined];
    const bad = [...this.#bad.set.list, ...this.#bad.reference.list].map(({ path, message }) => ({
      path,
      message,
    }));
    const result: ImagesResult = {
      kind: 'images',
      set,
      ...(reference === undefined ? {} : { reference }),
      ...this.#values,
      ...(pairs === undefined ? {} : { pairs }),
      bad,
      warnings: this.#warnings,
      seconds,
    };
    if (this.#config.out === undefined) return result;
    const report = await writeImagesReport(this.#config.out, {
      config: this.#config,
      result,
      pairs: this.#pairs,
      pairMetrics: this.#pairMetrics,
      plan: this.#plan,
      sources: this.#sources,
    });
    return { ...result, report };
  }
}

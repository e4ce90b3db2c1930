/** `eval reconstruct`: what an autoencoder loses, in one pass over a set of pictures. */
import { checkSignal } from '../abort.js';
import {
  PAIR_METRICS,
  type PairMetricName,
  SET_METRICS,
  type SetMetricName,
} from '../config/eval/measure.js';
import { type ReconstructSettings, reconstructRequestSchema } from '../config/eval/reconstruct.js';
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { validate } from '../config/validate.js';
import type { Engine } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import { makeFolder } from '../files.js';
import { FoundRelease } from '../release/found-release.js';
import { layoutOf } from '../release/layout.js';
import { loadFound } from '../release/load.js';
import { withPlainPaths } from '../release/load-options.js';
import { BadPictures } from './bad-pictures.js';
import type { EvaluateOptions } from './events.js';
import { fingerprintOf } from './fingerprint.js';
import { checkKeeping, keepReconstruction, keptIn } from './keep-reconstruction.js';
import { type MeasuredPair, unfitFor } from './measure-pairs.js';
import { measureReconstructions } from './measure-reconstructions.js';
import type { SetSummary, SetValues } from './measure-types.js';
import { checkNetworks, Measurement } from './measurement.js';
import { infiniteRemarks } from './metric-words.js';
import { checkNeeds, countRemarks } from './needs.js';
import { openPictures } from './open-pictures.js';
import { checkReportFiles } from './own-source.js';
import { summarizePairs } from './pair-values.js';
import type { PictureSource } from './picture-set.js';
import { type SettledReading, settleReading } from './reading.js';
import { writeReconstructReport } from './reconstruct-report.js';
import type { ReconstructRequest, ReconstructResult } from './reconstruct-types.js';
import { SetFacts } from './set-facts.js';
import type { StoredStatistics } from './statistics.js';
import { checkCovariances, checkWidths } from './statistics-fit.js';

/**
 * Encodes and decodes each picture of a set, cut to a square, and measures what comes back against what went in: rFID and
 * its kin against the same crops of the originals, and the metrics of pairs. No picture is written unless asked for.
 *
 * @throws SvgT2IError before any picture is encoded: ERR_SVGT2I_INVALID_ARGUMENT for a reference of other pictures, a
 *   resolution that is no multiple of the cells, and as evaluateImages(); ERR_SVGT2I_WEIGHTS_MISSING, as loading a
 *   release; ERR_SVGT2I_DATA where too many pictures cannot be read; the reason of the signal
 */
export async function evaluateReconstruct(
  request: ReconstructRequest,
  options: EvaluateOptions = {},
): Promise<ReconstructResult> {
  const { model, ...settings } = validate(
    reconstructRequestSchema,
    { ...request, ...(request.model === undefined ? {} : { model: withPlainPaths(request.model) }) },
    { code: 'ERR_SVGT2I_INVALID_ARGUMENT' },
  );
  return reconstructFound(new FoundRelease(model), settings, options);
}

/** The same of a release that was found already, by settings that were checked. */
export async function reconstructFound(
  found: FoundRelease<ResolvedModelOptions>,
  settings: ReconstructSettings,
  options: EvaluateOptions,
): Promise<ReconstructResult> {
  checkSignal(options.signal);
  const metrics = settings.metrics ?? usualMetrics(settings);
  checkNetworks({ networks: settings, metrics });
  checkSides(settings.resolution, found.cellPixels ?? PUBLISHED_CELL_PIXELS, metrics);
  layoutOf(found, ['autoencoder']);
  const reading = settleReading(settings);
  const source = await openPictures(settings.data, reading);
  try {
    const run = new ReconstructRun({ ...settings, metrics }, reading, source, options);
    return await run.run(found);
  } finally {
    await source.close();
  }
}

function usualMetrics({ inception, lpips }: ReconstructSettings): ReconstructSettings['metrics'] & object {
  return [
    'psnr',
    'ssim',
    ...(lpips === undefined ? [] : (['lpips'] as const)),
    ...(inception === undefined ? [] : (['fid'] as const)),
  ];
}

function checkSides(resolution: number, cellPixels: number, metrics: readonly string[]): void {
  if (resolution % cellPixels !== 0) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `resolution ${resolution}: must be a multiple of ${cellPixels}, the autoencoder's cells`,
      { hint: `Take ${Math.max(cellPixels, resolution - (resolution % cellPixels))}.` },
    );
  }
  const pairs = PAIR_METRICS.filter((metric) => metrics.includes(metric));
  const unfit = unfitFor(pairs, { width: resolution, height: resolution });
  if (unfit === undefined) return;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `a picture at resolution ${resolution} ${unfit}`, {
    hint: 'Take another --resolution, or leave that metric out.',
  });
}

class ReconstructRun {
  readonly #settings: ReconstructSettings & { readonly metrics: NonNullable<ReconstructSettings['metrics']> };
  readonly #reading: SettledReading;
  readonly #source: PictureSource;
  readonly #options: EvaluateOptions;
  readonly #facts: SetFacts;
  readonly #bad: BadPictures;
  readonly #setMetrics: readonly SetMetricName[];
  readonly #pairMetrics: readonly PairMetricName[];
  /** What the measurement calls the sets, and its errors with it. */
  readonly #names: Readonly<Record<'reconstructions' | 'originals' | 'stored', string>>;
  readonly #warnings: string[] = [];
  readonly #began = performance.now();

  constructor(
    settings: ReconstructSettings & { readonly metrics: NonNullable<ReconstructSettings['metrics']> },
    reading: SettledReading,
    source: PictureSource,
    options: EvaluateOptions,
  ) {
    this.#settings = settings;
    this.#reading = reading;
    this.#source = source;
    this.#options = options;
    this.#facts = new SetFacts(source.name);
    this.#names = {
      reconstructions: `reconstructions of ${source.name}`,
      originals: source.name,
      stored: `statistics of ${settings.reference}`,
    };
    const { maxBadShare: maxShare } = settings;
    const counted = { name: source.name, count: this.#count };
    this.#bad = new BadPictures(counted, { maxShare, onEvent: options.onEvent });
    this.#setMetrics = SET_METRICS.filter((metric) => settings.metrics.includes(metric));
    this.#pairMetrics = PAIR_METRICS.filter((metric) => settings.metrics.includes(metric));
  }

  get #count(): number {
    return Math.min(this.#settings.count ?? this.#source.count, this.#source.count);
  }

  async run(found: FoundRelease<ResolvedModelOptions>): Promise<ReconstructResult> {
    const { metrics, spillMegabytes, resolution } = this.#settings;
    const { signal, onEvent } = this.#options;
    this.#checkPictures();
    const stored = await this.#storedReference();
    await this.#prepareOut();
    const loaded = await loadFound(found, { parts: ['autoencoder'], signal, onProgress: onEvent });
    await using engine = loaded.engine;
    for (const message of [...loaded.layout.warnings, ...this.#source.remarks]) this.#warn(message);
    const { cellPixels = PUBLISHED_CELL_PIXELS } = loaded.models.autoencoder ?? {};
    checkSides(resolution, cellPixels, metrics);
    const measurement = await Measurement.open(engine, {
      networks: this.#settings,
      metrics,
      spillMegabytes,
      spillFolder: this.#settings.out,
      signal,
    });
    for (const remark of measurement.remarks) this.#warn(remark);
    if (stored !== undefined && this.#storedMetrics(stored).length > 0) {
      await measurement.addStatistics(this.#names.stored, stored, signal);
    }
    const pairs = await this.#measure(engine, measurement, stored);
    this.#remark();
    const values = await this.#setValues(measurement, stored);
    // Awaited: the report encodes its pictures anew, and the engine is disposed of at the end of this function.
    return await this.#result(engine, found.options, { pairs, values });
  }

  async #prepareOut(): Promise<void> {
    const { out, data, reference, keepPictures } = this.#settings;
    if (out === undefined) return;
    await checkReportFiles(out, reference === undefined ? [data] : [data, reference]);
    if (keepPictures) await checkKeeping(this.#source, keptIn(out));
    await makeFolder(out);
  }

  #checkPictures(): void {
    const { name, hasPictures, statistics } = this.#source;
    if (!hasPictures) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `${name} holds statistics, and no pictures to encode`,
      );
    }
    const counted = { name, hasPictures, statistics, count: this.#count };
    checkNeeds({
      set: counted,
      reference: counted,
      metrics: this.#setMetrics,
      protocol: this.#settings,
    });
  }

  /**
   * A reference must be of the very pictures that are encoded, cut alike; those of whole training sets (VIRTUAL_imagenet256 and
   * its like) are of others, and of other crops, and give numbers that mean nothing.
   */
  async #storedReference(): Promise<StoredStatistics | undefined> {
    const { reference, count, data } = this.#settings;
    if (reference === undefined) return undefined;
    const refuse = (reason: string) =>
      new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `${reference} is no reference for ${data}: ${reason}`, {
        hint: 'Leave it out, and the originals are counted along; or write it with svg-t2i eval stats of the same pictures, --resolution and --crop.',
      });
    const source = await openPictures(reference, this.#reading);
    try {
      const { statistics } = source;
      if (statistics === undefined) throw refuse('it holds no statistics');
      const { provenance } = statistics;
      if (provenance === undefined) {
        throw refuse(
          'it does not say of which pictures its statistics are, and svg-t2i eval stats did not write it',
        );
      }
      if (count !== undefined && count < this.#source.count)
        throw refuse(`only ${count} of them are encoded`);
      if (statistics.count !== this.#source.count) {
        throw refuse(`it is of ${statistics.count} pictures, and ${data} has ${this.#source.count}`);
      }
      if (provenance.fingerprint !== (await fingerprintOf(this.#source, this.#reading))) {
        throw refuse(`it is of other pictures, or of these read otherwise (${provenance.reading})`);
      }
      checkCovariances(reference, statistics);
      checkWidths(reference, statistics);
      return statistics;
    } finally {
      await source.close();
    }
  }

  /** Metrics that can be taken against stored statistics. */
  #storedMetrics(stored: StoredStatistics): readonly SetMetricName[] {
    return this.#setMetrics.filter(
      (metric) => metric === 'fid' || (metric === 'sfid' && stored.spatial !== undefined),
    );
  }

  #measure(
    engine: Pick<Engine, 'run'>,
    measurement: Measurement,
    stored: StoredStatistics | undefined,
  ): Promise<readonly MeasuredPair[]> {
    const { out, keepPictures } = this.#settings;
    const ofStored = stored === undefined ? [] : this.#storedMetrics(stored);
    const ofOriginals = this.#setMetrics.filter((metric) => metric !== 'is' && !ofStored.includes(metric));
    return measureReconstructions(
      engine,
      measurement,
      {
        source: this.#source,
        count: this.#count,
        metrics: this.#pairMetrics,
        addTo: {
          set: this.#setMetrics.length > 0 ? this.#names.reconstructions : undefined,
          reference: ofOriginals.length > 0 ? this.#names.originals : undefined,
        },
        facts: this.#facts,
        bad: this.#bad,
        onReconstruction:
          out === undefined || !keepPictures
            ? undefined
            : (picture, image) => keepReconstruction(keptIn(out), picture, image),
      },
      this.#options,
    );
  }

  async #setValues(measurement: Measurement, stored: StoredStatistics | undefined): Promise<SetValues> {
    const { signal } = this.#options;
    const ofStored = stored === undefined ? [] : this.#storedMetrics(stored);
    const others = this.#setMetrics.filter((metric) => !ofStored.includes(metric));
    let values: SetValues = {};
    for (const [metrics, reference] of [
      [ofStored, this.#names.stored] as const,
      [others, this.#names.originals] as const,
    ]) {
      if (metrics.length === 0) continue;
      this.#options.onEvent?.({ type: 'progress', done: 0, what: metrics.join(', ') });
      const hasReference = metrics.some((metric) => metric !== 'is');
      const request = { set: this.#names.reconstructions, metrics, protocol: this.#settings };
      const found = await measurement.result(hasReference ? { ...request, reference } : request, signal);
      values = { ...values, ...found };
    }
    return values;
  }

  #remark(): void {
    const { alpha } = this.#reading.decode;
    const counted = { name: this.#source.name, count: this.#facts.count };
    for (const remark of [...this.#facts.remarks(alpha), ...countRemarks(counted, this.#setMetrics)]) {
      this.#warn(remark);
    }
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    this.#options.onEvent?.({ type: 'warning', message });
  }

  async #result(
    engine: Pick<Engine, 'run'>,
    model: ResolvedModelOptions,
    found: { readonly pairs: readonly MeasuredPair[]; readonly values: SetValues },
  ): Promise<ReconstructResult> {
    const pairs = summarizePairs(found.pairs, this.#pairMetrics);
    for (const remark of infiniteRemarks(pairs)) this.#warn(remark);
    const data: SetSummary = {
      name: this.#source.name,
      pictures: this.#facts.count,
      unreadable: this.#bad.list.length,
      sizes: this.#facts.sizes,
    };
    const result: ReconstructResult = {
      kind: 'reconstruct',
      data,
      ...found.values,
      pairs,
      bad: this.#bad.list.map(({ path, message }) => ({ path, message })),
      warnings: this.#warnings,
      seconds: (performance.now() - this.#began) / 1000,
    };
    const { out } = this.#settings;
    if (out === undefined) return result;
    const report = await writeReconstructReport(out, {
      engine,
      settings: this.#settings,
      model,
      result,
      pairs: found.pairs,
      pairMetrics: this.#pairMetrics,
      source: this.#source,
      signal: this.#options.signal,
    });
    return { ...result, report };
  }
}

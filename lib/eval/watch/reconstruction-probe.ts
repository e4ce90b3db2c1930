/** How well the autoencoder of a checkpoint rebuilds the fixed pictures. */

import type { PairMetricName } from '../../config/eval/measure.js';
import type { ResolvedWatch, WatchMetric } from '../../config/eval/watch.js';
import { cellPixelsOf } from '../../config/latent-grid.js';
import type { AutoencoderTrainingConfig } from '../../config/train-autoencoder.js';
import { gridImage } from '../../image/grid.js';
import type { RgbImage } from '../../image/rgb-image.js';
import { Measurement, type PairValues } from '../measurement.js';
import { summarize } from '../pair-values.js';
import { reconstructPictures } from '../reconstruct-pictures.js';
import type { ReportPicture } from '../report-content.js';
import type { CheckpointEngine } from './checkpoint-engine.js';
import { type FixedPicture, FixedPictures } from './fixed-pictures.js';
import { kindOfValue, type Measured, type MeasureOptions, type Probe } from './probe.js';
import { setProtocol } from './set-protocol.js';

/** Originals, or reconstructions, side by side. */
const GRID_COLUMNS = 8;
const GAP_PX = 4;
const PAIR_NAMES = ['psnr', 'ssim', 'ms-ssim', 'lpips'] as const satisfies readonly PairMetricName[];
type PairName = (typeof PAIR_NAMES)[number];

interface Settings extends Pick<ResolvedWatch, 'data' | 'count' | 'seed' | 'inception' | 'lpipsLinear'> {
  readonly lpips: string | undefined;
}

export class ReconstructionProbe implements Probe {
  readonly set: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
  readonly #settings: Settings;
  readonly #pictures: FixedPictures;
  readonly #metrics: readonly PairName[];
  readonly #hasFid: boolean;

  private constructor(
    settings: Settings,
    parts: {
      readonly metrics: readonly WatchMetric[];
      readonly pictures: FixedPictures;
      readonly shown: Readonly<Record<string, unknown>>;
    },
  ) {
    this.#settings = settings;
    this.#pictures = parts.pictures;
    this.#metrics = PAIR_NAMES.filter((name) => parts.metrics.includes(name));
    this.#hasFid = parts.metrics.includes('fid');
    this.set = parts.pictures.digest;
    this.settings = parts.shown;
    this.names = [...this.#metrics, ...(this.#hasFid ? ['fid'] : [])];
  }

  static async open(
    config: AutoencoderTrainingConfig,
    settings: Settings,
    metrics: readonly WatchMetric[],
  ): Promise<ReconstructionProbe> {
    const { data, count, seed, inception, lpips } = settings;
    const sets = data === undefined ? ownSets(config) : [{ path: data, ratio: 1 }];
    const cellPixels = cellPixelsOf(config.model.decoder);
    const pictures = await FixedPictures.open({ sets, data: config.data, cellPixels, count, seed });
    const { resolution, aspect } = config.data;
    const shown = { data: sets.map(({ path }) => path), count, seed, resolution, aspect, inception, lpips };
    return new ReconstructionProbe(settings, { metrics, pictures, shown });
  }

  async measure(model: CheckpointEngine, options: MeasureOptions): Promise<Measured> {
    const { signal, onEvent } = options;
    const fixed = await this.#pictures.read(onEvent, signal);
    const { inception, lpips, lpipsLinear } = this.#settings;
    const metrics = [...this.#metrics, ...(this.#hasFid ? (['fid'] as const) : [])];
    const networks = { inception, lpips, lpipsLinear };
    await using measurement = await Measurement.open(model.engine, { networks, metrics, signal });
    const rebuilt: RgbImage[] = [];
    const pairs: PairValues[] = [];
    for (const [i, { image }] of fixed.entries()) {
      onEvent({ type: 'progress', done: i, total: fixed.length, what: 'reconstructions' });
      const [made] = await reconstructPictures(model.engine, [image], signal);
      if (made === undefined) continue;
      rebuilt.push(made);
      if (this.#metrics.length > 0)
        pairs.push(await measurement.pairs([[made, image]], this.#metrics, signal));
    }
    onEvent({ type: 'progress', done: fixed.length, total: fixed.length, what: 'reconstructions' });
    const columns = new Map(
      this.#metrics.map((name) => [name, Float64Array.from(pairs, (pair) => pair[name]?.[0] ?? Number.NaN)]),
    );
    const values = Object.fromEntries([...columns].map(([name, column]) => [name, summarize(column).mean]));
    if (this.#hasFid) {
      // All at once: the network takes batches, and fewer pictures cost as much.
      await measurement.add(
        'originals',
        fixed.map(({ image }) => image),
        signal,
      );
      await measurement.add('reconstructions', rebuilt, signal);
      const request = { set: 'reconstructions', reference: 'originals', metrics: ['fid'] as const };
      const { fid } = await measurement.result({ ...request, protocol: setProtocol(fixed.length) }, signal);
      values.fid = fid ?? Number.NaN;
    }
    return {
      values,
      grid: pairGrid(fixed, rebuilt),
      pictures: sheetOf(fixed, rebuilt, columns),
      histograms: [...columns].map(([name, column]) => ({
        title: name,
        unit: kindOfValue(name).unit,
        values: [...column],
      })),
    };
  }

  close(): Promise<void> {
    return this.#pictures.close();
  }
}

/** Each picture once, whatever its share of an epoch. */
function ownSets({ data }: AutoencoderTrainingConfig) {
  return data.sets.map((set) => ({ ...set, ratio: 1 }));
}

/** Rows of originals, each above what became of them. */
function pairGrid(fixed: readonly FixedPicture[], rebuilt: readonly RgbImage[]): RgbImage {
  const columns = Math.min(GRID_COLUMNS, fixed.length);
  const cells: RgbImage[] = [];
  const blank: RgbImage = { width: 1, height: 1, data: new Uint8Array([255, 255, 255]) };
  for (let start = 0; start < fixed.length; start += columns) {
    for (const row of [fixed.map(({ image }) => image), rebuilt]) {
      const part = row.slice(start, start + columns);
      cells.push(...part, ...Array.from({ length: columns - part.length }, () => blank));
    }
  }
  return gridImage(cells, { columns, gapPx: GAP_PX });
}

/** The worst first, by the first metric that there is. */
function sheetOf(
  fixed: readonly FixedPicture[],
  rebuilt: readonly RgbImage[],
  columns: ReadonlyMap<string, Float64Array>,
): readonly ReportPicture[] {
  const [name, column] = [...columns][0] ?? ['', new Float64Array(fixed.length)];
  const { unit, better } = kindOfValue(name);
  const order = fixed.map((_, i) => i).sort((a, b) => (column[a] as number) - (column[b] as number));
  return (better === 'lower' ? order.reverse() : order).flatMap((i): readonly ReportPicture[] => {
    const [original, made] = [fixed[i], rebuilt[i]];
    if (original === undefined || made === undefined) return [];
    const { path, image } = original;
    const value =
      name === '' ? {} : { value: `${name} ${(column[i] as number).toPrecision(4)} ${unit}`.trim() };
    return [{ caption: path, images: [image, made], path, ...value }];
  });
}

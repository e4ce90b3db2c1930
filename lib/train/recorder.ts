/** Gathers the steps of a run into metrics and writes them where people look: JSONL, TensorBoard, a plot. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeDurably } from '../files.js';
import { encodeImage } from '../image/encode.js';
import type { RgbImage } from '../image/rgb-image.js';
import { lossPlot } from './loss-plot.js';
import { type Metrics, MetricsFile } from './metrics.js';
import type { RunFolder } from './run-folder.js';
import type { SharedTotals } from './shared-counts.js';
import type { StepReport } from './stage.js';
import { EventWriter } from './tensorboard.js';

export interface RecordedStep {
  /** Steps done, this one included. */
  readonly step: number;
  readonly report: StepReport;
  readonly lr: number;
  /** Over all processes. */
  readonly images: number;
  /** Waiting for pictures, and the whole step. */
  readonly dataMs: number;
  readonly wholeMs: number;
}

export class Recorder {
  readonly #folder: RunFolder;
  readonly #file: MetricsFile;
  readonly #events: EventWriter;
  readonly #itemsPerEpoch: number;
  #steps: RecordedStep[] = [];
  #seen: number;
  #badSteps = 0;

  private constructor(
    folder: RunFolder,
    file: MetricsFile,
    events: EventWriter,
    options: { readonly itemsPerEpoch: number; readonly seen: number },
  ) {
    this.#folder = folder;
    this.#file = file;
    this.#events = events;
    this.#itemsPerEpoch = options.itemsPerEpoch;
    this.#seen = options.seen;
  }

  /** `step` steps are done and have seen `seen` pictures. */
  static async open(
    folder: RunFolder,
    options: { readonly step: number; readonly seen: number; readonly itemsPerEpoch: number },
  ): Promise<Recorder> {
    const file = await MetricsFile.open(folder.metrics, options.step);
    const events = await EventWriter.create(folder.path, options.step + 1);
    return new Recorder(folder, file, events, options);
  }

  add(step: RecordedStep): void {
    this.#steps.push(step);
    this.#seen += step.images;
    if (!step.report.applied) this.#badSteps++;
  }

  /** Writes the means of the steps since the last call; undefined where there were none. */
  async flush(totals: SharedTotals): Promise<Metrics | undefined> {
    const metrics = this.#summary(totals);
    if (metrics === undefined) return undefined;
    this.#steps = [];
    await this.#file.append(metrics);
    await this.#events.scalars(metrics.step, scalarsOf(metrics));
    return metrics;
  }

  /** Whether the picture of a step is there. */
  hasImage(step: number): Promise<boolean> {
    return isThere(this.#imagePath(step));
  }

  /** samples/step-NNNNNNNN.png and TensorBoard's image. Returns the path. */
  async image(step: number, image: RgbImage): Promise<string> {
    const png = await encodeImage(image, { format: 'png' });
    const path = this.#imagePath(step);
    await makeFolder(this.#folder.samples);
    await writeDurably(path, png);
    await this.#events.image(step, { tag: 'samples', width: image.width, height: image.height, png });
    return path;
  }

  async plot(title: string): Promise<void> {
    await writeDurably(this.#folder.plot, lossPlot(this.#file.losses, title));
  }

  async close(): Promise<void> {
    await this.#events.close();
  }

  #imagePath(step: number): string {
    return join(this.#folder.samples, `step-${String(step).padStart(8, '0')}.png`);
  }

  #summary(totals: SharedTotals): Metrics | undefined {
    const steps = this.#steps;
    const last = steps.at(-1);
    if (last === undefined) return undefined;
    const reports = steps.map(({ report }) => report);
    const seconds = sum(steps.map(({ wholeMs }) => wholeMs)) / 1000;
    const phases = new Set(reports.flatMap(({ milliseconds }) => Object.keys(milliseconds)));
    const milliseconds = Object.fromEntries(
      [...phases].map((phase) => [
        phase,
        sum(reports.map((report) => report.milliseconds[phase] ?? 0)) / steps.length,
      ]),
    );
    return {
      step: last.step,
      epoch: this.#seen / this.#itemsPerEpoch,
      losses: Object.fromEntries(
        Object.keys(last.report.losses).map((name) => [
          name,
          mean(reports.map(({ losses }) => losses[name])),
        ]),
      ),
      gradNorm: mean(reports.map(({ gradNorm }) => gradNorm)),
      lr: last.lr,
      imagesPerSecond: sum(steps.map(({ images }) => images)) / seconds,
      secondsPerStep: seconds / steps.length,
      dataShare: sum(steps.map(({ dataMs }) => dataMs)) / 1000 / seconds,
      milliseconds: { data: sum(steps.map(({ dataMs }) => dataMs)) / steps.length, ...milliseconds },
      badSteps: this.#badSteps,
      ...totals,
      time: new Date().toISOString(),
    };
  }
}

function scalarsOf(metrics: Metrics): Record<string, number> {
  const { losses, gradNorm, lr, epoch, imagesPerSecond, dataShare, milliseconds, lossByTime = [] } = metrics;
  const bins = lossByTime.map((loss, bin) => [`loss_by_t/${String(bin).padStart(2, '0')}`, loss] as const);
  const values: readonly (readonly [string, number | null])[] = [
    ...Object.entries(losses).map(([name, value]) => [`train/${name}`, value] as const),
    ['train/grad_norm', gradNorm],
    ['train/lr', lr],
    ['train/epoch', epoch],
    ['speed/images_per_second', imagesPerSecond],
    ['speed/data_share', dataShare],
    ...Object.entries(milliseconds).map(([phase, ms]) => [`speed/${phase}_ms`, ms] as const),
    ...bins,
  ];
  return Object.fromEntries(values.filter((entry): entry is readonly [string, number] => entry[1] !== null));
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of the numbers among the values. */
function mean(values: readonly (number | undefined)[]): number | null {
  const finite = values.filter((value): value is number => Number.isFinite(value));
  return finite.length === 0 ? null : sum(finite) / finite.length;
}

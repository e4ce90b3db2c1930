/** All that a watch leaves in the folder of a run: lines, grids, TensorBoard's events and the report. */
import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { TrainingConfig } from '../../config/train.js';
import { fileError, firstLine } from '../../errors.js';
import { writeDurably } from '../../files.js';
import { readImage } from '../../image/decode.js';
import { encodeImage } from '../../image/encode.js';
import type { RgbImage } from '../../image/rgb-image.js';
import { readText } from '../../regular-file.js';
import { checkpointName } from '../../train/checkpoint.js';
import type { RunFolder } from '../../train/run-folder.js';
import { writeReport } from '../html/write-report.js';
import { withoutInfinity } from '../json-number.js';
import { smallPicture } from '../small-picture.js';
import { EvaluationFile } from './evaluations.js';
import { EventFile } from './event-file.js';
import type { Measured, Probe } from './probe.js';
import { isThere, type SeenCheckpoint, type TrainedTimes } from './run-view.js';
import type { CheckpointEvaluation } from './types.js';
import { REPORT_GRIDS, watchReport } from './watch-report.js';

/** What is measured now: checkpoints of this run, put to this. */
export interface WatchedSet {
  readonly config: TrainingConfig;
  readonly probe: Probe;
}

export interface RecordOptions {
  /** The run, as it was named. */
  readonly run: string;
  /** As one types it. */
  readonly command: string;
  readonly onWarning: (message: string) => void;
}

const MAX_RESULTS_BYTES = 256 * 1024 * 1024;
/** Digits of a set's digest in names of files. */
const SET_DIGITS = 8;

export class WatchRecord {
  readonly #folder: RunFolder;
  readonly #file: EvaluationFile;
  readonly #options: RecordOptions;
  readonly #events: EventFile;
  readonly #warnings = new Set<string>();
  #report: string | undefined;
  /** Of what the event file and the report hold. */
  #set: string | undefined;

  private constructor(folder: RunFolder, file: EvaluationFile, options: RecordOptions) {
    this.#folder = folder;
    this.#file = file;
    this.#options = options;
    this.#events = new EventFile(folder.evaluated);
  }

  /** The caller holds the lock of the folder. */
  static async open(folder: RunFolder, options: RecordOptions): Promise<WatchRecord> {
    return new WatchRecord(folder, await EvaluationFile.open(folder.evaluations), options);
  }

  async close(): Promise<void> {
    await this.#events.close();
  }

  /** Path of the page. */
  get report(): string | undefined {
    return this.#report;
  }

  /** Stands in the report, too; told once. */
  warn(message: string): void {
    if (this.#warnings.has(message)) return;
    this.#warnings.add(message);
    this.#options.onWarning(message);
  }

  /** Whether a checkpoint is yet to be measured: on this set, by all of its metrics. */
  lacks({ step, digest }: SeenCheckpoint, { set, names }: Probe): boolean {
    const known = this.#file.get({ step, set });
    if (known === undefined || known.checkpoint !== digest) return true;
    return names.some((name) => !(name in known.values));
  }

  /** Grid of the last checkpoint before a step. */
  async gridBefore(step: number, { set }: Probe): Promise<RgbImage | undefined> {
    const before = this.#file.lines.findLast((line) => line.set === set && line.step < step);
    return before === undefined ? undefined : await this.#readGrid(before);
  }

  /** Leaves out what belongs to steps that the run has gone back before, as the run does with its own metrics. */
  async cut(times: TrainedTimes, seen: readonly SeenCheckpoint[], { set }: Probe): Promise<void> {
    const isStill = ({ step, checkpoint }: CheckpointEvaluation) =>
      seen.some((one) => one.step === step && one.digest === checkpoint);
    for (const line of this.#file.lines) {
      // A run that stops at a checkpoint reports on its last steps after it was saved.
      const trained = times.upTo(line.step);
      if (trained !== line.trained && isStill(line)) await this.#file.add({ ...line, trained });
    }
    const gone = await this.#file.cut(({ step, trained }) => times.upTo(step) === trained);
    if (gone.length === 0) return;
    for (const line of gone) await this.#removeGrid(line);
    await this.#events.rewrite(this.#ofSet(set), (each) => this.#readGrid(each));
    // The report is yet to follow.
    this.#set = undefined;
    const steps = [...new Set(gone.map(({ step }) => step))].join(', ');
    this.#options.onWarning(`the run went back before step ${steps}: what was measured there counts no more`);
  }

  async keep(
    { step, digest }: SeenCheckpoint,
    measured: Measured & Pick<CheckpointEvaluation, 'seconds' | 'trained'>,
    watched: WatchedSet,
  ): Promise<CheckpointEvaluation> {
    const { set } = watched.probe;
    const grid = join(this.#folder.evaluated, `${checkpointName(step)}-${set.slice(0, SET_DIGITS)}.png`);
    await writeDurably(grid, await encodeImage(measured.grid, { format: 'png' }));
    const evaluation: CheckpointEvaluation = {
      step,
      checkpoint: digest,
      set,
      trained: measured.trained,
      values: withoutNaN(measured.values),
      grid: relative(this.#folder.path, grid),
      seconds: Number(measured.seconds.toFixed(3)),
      time: new Date().toISOString(),
    };
    await this.#file.add(evaluation);
    if (this.#set !== set) await this.#events.forget();
    await this.#events.add(evaluation, this.#ofSet(set), (each) => this.#readGrid(each));
    this.#set = undefined;
    await this.writeReport(watched, measured);
    return evaluation;
  }

  /** Of what there is, unless it was written already. `measured` is that of the last line. */
  async writeReport({ config, probe }: WatchedSet, measured?: Measured): Promise<void> {
    const evaluations = this.#ofSet(probe.set);
    if (this.#set === probe.set || evaluations.length === 0) return;
    const { path, evaluated } = this.#folder;
    const { stage, steps } = config;
    const results = { kind: 'watch', run: path, stage, settings: probe.settings, evaluations };
    // An earlier watch's has the last checkpoint's own pictures, which this one has not seen.
    const earlier = measured === undefined ? await earlierReport(evaluated, results) : undefined;
    this.#set = probe.set;
    this.#report = earlier ?? (await this.#newReport(results, { stage, steps, probe, measured }));
  }

  async #newReport(
    results: { readonly evaluations: readonly CheckpointEvaluation[] },
    {
      stage,
      steps,
      probe,
      measured,
    }: Pick<TrainingConfig, 'stage' | 'steps'> & {
      readonly probe: Probe;
      readonly measured: Measured | undefined;
    },
  ): Promise<string> {
    const { evaluations } = results;
    const { path, evaluated } = this.#folder;
    const grids: { readonly evaluation: CheckpointEvaluation; readonly grid: RgbImage }[] = [];
    for (const evaluation of evaluations.slice(-REPORT_GRIDS)) {
      const grid = await this.#readGrid(evaluation);
      if (grid !== undefined) grids.push({ evaluation, grid: smallPicture(grid) });
    }
    const content = watchReport({
      ...{ run: this.#options.run, path, stage, steps, evaluations, measured, grids },
      settings: probe.settings,
      warnings: [...this.#warnings],
      command: this.#options.command,
    });
    return (await writeReport(evaluated, content, results)).html;
  }

  #ofSet(set: string): readonly CheckpointEvaluation[] {
    return this.#file.lines.filter((line) => line.set === set);
  }

  /** One that was removed by hand is missed by nobody. */
  async #readGrid({ grid }: CheckpointEvaluation): Promise<RgbImage | undefined> {
    if (grid === undefined) return undefined;
    const path = join(this.#folder.path, grid);
    if (!(await isThere(path))) return undefined;
    try {
      return await readImage(path);
    } catch (error) {
      this.warn(`${path} is left out: ${firstLine(error)}`);
      return undefined;
    }
  }

  async #removeGrid({ grid }: CheckpointEvaluation): Promise<void> {
    if (grid === undefined) return;
    const path = join(this.#folder.path, grid);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw fileError(error, 'remove', path);
    }
  }
}

/** Path of the page that a watch wrote of the same results; undefined where there is none. */
async function earlierReport(folder: string, results: object): Promise<string | undefined> {
  const [html, json] = [join(folder, 'report.html'), join(folder, 'results.json')];
  if (!(await isThere(html)) || !(await isThere(json))) return undefined;
  const text = await readText(json, { maxBytes: MAX_RESULTS_BYTES });
  return sameJson(text, JSON.stringify(results, withoutInfinity)) ? html : undefined;
}

function sameJson(a: string, b: string): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function withoutNaN(values: Readonly<Record<string, number>>): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number.isNaN(value) ? null : value]),
  );
}

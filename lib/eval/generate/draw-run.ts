/** Draws all files of a run that are not there yet, on one process or several, and keeps its run.json. */
import { join, resolve } from 'node:path';
import type { ResolvedModelOptions } from '../../config/model.js';
import { type ResolvedSettings, seedOf } from '../../config/request.js';
import type { Settings } from '../../config/settings.js';
import { SvgT2IError } from '../../errors.js';
import { makeFolder, removeDeadParts } from '../../files.js';
import { askedMetadata } from '../../pipeline/metadata.js';
import { checkSeeds } from '../../pipeline/sample-job.js';
import { type Subjects, subjectsOf } from '../../pipeline/subjects.js';
import { lockRunFolder } from '../../processes/run-lock.js';
import { readClassNames } from '../../release/class-names.js';
import { type DrawnFrom, without } from '../../release/draw-config.js';
import { layoutOf, MODEL_PARTS, type ReleaseLayout } from '../../release/layout.js';
import type { EvaluateOptions } from '../events.js';
import type { PictureFile } from '../layouts/plan.js';
import { deal } from './deal.js';
import { CLASS_PARTS, type DrawEvent, type DrawnIn, drawFiles } from './draw-files.js';
import { existingFiles, refuseOthers } from './existing-files.js';
import { makePartsFolder, partsFolder, removeEmptyParts } from './parts-folder.js';
import { drawInProcesses } from './processes.js';
import {
  decisiveDifferences,
  type RunRecord,
  readRunRecord,
  SOFTWARE,
  thisMachine,
  writeRunRecord,
} from './run-record.js';
import type { FailedFile } from './types.js';
import { hashWeights, type WeightsFile } from './weights.js';

/** What loadDrawConfig gives. */
export interface RunConfig extends DrawnFrom {
  readonly model: ResolvedModelOptions;
  readonly sample: Omit<ResolvedSettings, 'count' | 'seed' | 'seedMode'>;
}

export interface RunSpec {
  /** What it is, as a run.json tells it: `geneval`. */
  readonly kind: string;
  /** Gets run.json. */
  readonly out: string;
  /** That the paths of files start at; may be `out`. */
  readonly folder: string;
  /** What is drawn, `count` pictures of each. */
  readonly asked:
    | { readonly prompts: readonly string[] }
    | { readonly classes: readonly (number | string)[] };
  readonly count: number;
  /** Of the first picture; picture i of the run has seed + i, with `same` picture j of every prompt seed + j. */
  readonly seed: number;
  readonly seedMode: 'each' | 'same';
  readonly files: readonly PictureFile[];
  readonly config: RunConfig;
  readonly nproc: number;
  /** Otherwise all files are drawn. */
  readonly skipExisting: boolean;
  /** What becomes of a folder that holds another run, or files that are not those asked for. */
  readonly onMismatch: 'refuse' | 'redraw';
  /** As it was typed. */
  readonly command?: string | undefined;
  /** More that decides the pictures, flat: another value is another run. */
  readonly decides: Readonly<Record<string, unknown>>;
  /** More that one who repeats it wants to know. */
  readonly about: Readonly<Record<string, unknown>>;
}

export interface RunOutcome {
  readonly drawn: number;
  readonly kept: number;
  readonly failed: readonly FailedFile[];
  /** As it is in run.json now. */
  readonly record: RunRecord;
}

/**
 * Draws what is missing, as often as it is called. `beforeDrawing` is called once nothing can be refused any more.
 *
 * @throws SvgT2IError ERR_SVGT2I_RUN_FOLDER where another process draws there, or what is there is of another run, naming
 *   what differs; what loading and drawing throws; or the signal's reason
 */
export async function drawRun(
  spec: RunSpec,
  options: EvaluateOptions & { readonly beforeDrawing?: () => Promise<void> },
): Promise<RunOutcome> {
  const { signal, onEvent } = options;
  const { config, asked, out } = spec;
  const layout = layoutOf(config.found, 'classes' in asked ? CLASS_PARTS : MODEL_PARTS);
  const subjects = subjectsFrom(asked, layout);
  checkSeeds(spec, subjects.prompt.length);
  await makeFolder(out);
  const onWarning = (message: string) => onEvent?.({ type: 'warning', message });
  const lock = await lockRunFolder(out, { signal, onWarning });
  try {
    await removeDeadParts(partsFolder(out), { onWarning });
    const before = readRunRecord(out);
    const weights = await hashWeights(layout, {
      known: before?.weights ?? [],
      signal,
      onFile: (done, total) => onEvent?.({ type: 'progress', done, total, what: 'hashes of the weights' }),
    });
    const run = new Run({ spec, layout, subjects, weights, before, options });
    return await run.draw();
  } finally {
    await lock.release();
  }
}

function subjectsFrom(asked: RunSpec['asked'], { classNames }: ReleaseLayout): Subjects {
  if ('prompts' in asked) return subjectsOf({ prompt: [...asked.prompts] }, undefined);
  const names = classNames === undefined ? undefined : readClassNames(classNames);
  return subjectsOf({ class: [...asked.classes] }, names);
}

interface RunParts {
  readonly spec: RunSpec;
  readonly layout: ReleaseLayout;
  readonly subjects: Subjects;
  readonly weights: readonly WeightsFile[];
  /** As an earlier call left it. */
  readonly before: RunRecord | undefined;
  readonly options: EvaluateOptions & { readonly beforeDrawing?: () => Promise<void> };
}

class Run {
  readonly #parts: RunParts;
  readonly #failed: FailedFile[] = [];
  readonly #started = new Date().toISOString();
  #record: RunRecord;
  #drawn = 0;
  /** Solver steps of files that are on their way, each from 0 to 1. */
  readonly #underway = new Map<string, number>();

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#record = newRecord(parts, this.#started);
  }

  async draw(): Promise<RunOutcome> {
    const { spec, options } = this.#parts;
    const { wanted, kept } = await this.#look();
    // Of nothing that stays.
    if (kept.length === 0) this.#record = { ...this.#record, drawnIn: null };
    for (const { path, pictures } of kept) this.#tellFile(path, pictures, true);
    await this.#write({ ended: wanted.length === 0 ? (this.#record.ended ?? this.#started) : null });
    await options.beforeDrawing?.();
    try {
      if (wanted.length > 0) await this.#drawWanted(wanted);
      if (this.#failed.length === 0) this.#record = { ...this.#record, ended: this.#record.ended ?? now() };
    } finally {
      await this.#write({}, now());
    }
    await removeEmptyParts(spec.out);
    return {
      drawn: this.#drawn,
      kept: spec.files.length - wanted.length,
      failed: this.#failed,
      record: this.#record,
    };
  }

  /** What is there, held against what is asked for. */
  async #look(): Promise<{ readonly wanted: readonly PictureFile[]; readonly kept: readonly PictureFile[] }> {
    const { spec, before, options } = this.#parts;
    const all = { wanted: spec.files, kept: [] };
    if (!spec.skipExisting) return all;
    if (before !== undefined) {
      const { decides } = this.#record;
      const differs = decisiveDifferences(before.decides, decides);
      if (differs.length > 0) {
        if (spec.onMismatch === 'refuse') throw otherRun(spec.out, differs);
        this.#warn(`this run goes on with other settings: ${differs.join('; ')}`);
        // What pictures carry are names of weights, which may be the same.
        if (differs.some((difference) => difference.startsWith('weights.'))) return all;
      }
      if (before.software !== SOFTWARE) {
        this.#warn(
          `this run was begun by ${before.software} and goes on with ${SOFTWARE}, which may draw other pixels`,
        );
      }
    }
    const { wanted, kept, others } = await existingFiles(spec.files, {
      folder: spec.folder,
      askedOf: (index) => this.#asked(index),
      signal: options.signal,
    });
    if (others.length > 0) {
      if (spec.onMismatch === 'refuse') throw refuseOthers(spec.folder, others);
      this.#warn(`${others.length} file(s) are of other settings, and are drawn again`);
    }
    return { wanted, kept };
  }

  #asked(index: number) {
    const { spec, subjects, layout } = this.#parts;
    const { config, count, seedMode } = spec;
    const subject = Math.floor(index / count);
    const { dtype } = config.model;
    const asked = askedMetadata({
      request: { ...config.sample, count, seedMode },
      prompt: subjects.prompt[subject] ?? '',
      class: subjects.classes?.[subject],
      seed: seedOf(spec, index),
      layout,
      attentionSoftCap: config.found.softCap({ ofDit: true }).attentionSoftCap,
    });
    return { ...without(asked, config.ofModel), ...(dtype === 'auto' ? {} : { dtype }) };
  }

  async #drawWanted(wanted: readonly PictureFile[]): Promise<void> {
    const { spec, subjects, options } = this.#parts;
    const { config, count, seed, seedMode, nproc } = spec;
    const parts = await makePartsFolder(spec.out);
    const settings: Settings = {
      ...without(config.sample, [...config.ofModel, ...config.leftToModel]),
      ...{ count, seed, seedMode },
    };
    const { classes, prompt } = subjects;
    const job = {
      model: config.model,
      settings,
      subjects: classes === undefined ? { prompt } : { class: classes.map(({ number }) => number) },
      folder: resolve(spec.folder),
      parts,
      dtype: this.#record.drawnIn?.dtype,
    };
    const how = { signal: options.signal, onEvent: (event: DrawEvent) => this.#event(event, wanted) };
    const shares = deal(wanted, { nproc, batchSize: config.sample.batchSize });
    this.#tellProgress(wanted.length);
    if (nproc > 1) await drawInProcesses(job, shares, how);
    else await drawFiles(config.found, { ...job, files: wanted }, how);
  }

  #event(event: DrawEvent, wanted: readonly PictureFile[]): void {
    const { onEvent } = this.#parts.options;
    switch (event.type) {
      case 'load':
      case 'warning':
        onEvent?.(event);
        break;
      case 'loaded': {
        const { type: _, ...drawnIn } = event;
        const before = this.#record.drawnIn;
        for (const message of before === null ? [] : otherBits(before, drawnIn)) this.#warn(message);
        this.#record = { ...this.#record, drawnIn: before ?? drawnIn };
        break;
      }
      case 'step': {
        const file = this.#fileOf(event.index);
        if (file === undefined || event.steps === 0) break;
        const before = file.pictures.indexOf(event.index);
        this.#underway.set(file.path, (before + event.step / event.steps) / file.pictures.length);
        this.#tellProgress(wanted.length);
        break;
      }
      case 'file':
        this.#drawn++;
        this.#underway.delete(event.path);
        this.#tellFile(event.path, event.pictures, false);
        this.#tellProgress(wanted.length);
        break;
      case 'failed': {
        const { type: _, ...failure } = event;
        this.#failed.push(failure);
        this.#underway.delete(event.path);
        this.#warn(`${event.path} ("${failure.prompt.slice(0, 60)}") was not drawn: ${event.error.message}`);
        this.#tellProgress(wanted.length);
      }
    }
  }

  #files: ReadonlyMap<number, PictureFile> | undefined;
  #fileOf(index: number): PictureFile | undefined {
    this.#files ??= new Map(
      this.#parts.spec.files.flatMap((file) => file.pictures.map((each) => [each, file] as const)),
    );
    return this.#files.get(index);
  }

  #tellProgress(total: number): void {
    const begun = [...this.#underway.values()].reduce((sum, share) => sum + share, 0);
    const done = Math.min(total, this.#drawn + this.#failed.length + begun);
    this.#parts.options.onEvent?.({ type: 'progress', done, total, what: 'files of pictures' });
  }

  #tellFile(path: string, pictures: readonly number[], skipped: boolean): void {
    const { spec, subjects, options } = this.#parts;
    const [index = 0] = pictures;
    options.onEvent?.({
      type: 'image',
      index,
      path: join(spec.folder, path),
      prompt: subjects.prompt[Math.floor(index / spec.count)],
      seed: seedOf(spec, index),
      ...(skipped ? { skipped } : {}),
    });
  }

  #warn(message: string): void {
    this.#parts.options.onEvent?.({ type: 'warning', message });
  }

  /** With this session as the last. */
  async #write(change: Partial<RunRecord>, ended: string | null = null): Promise<void> {
    const { spec } = this.#parts;
    const earlier = this.#record.sessions.filter(({ started }) => started !== this.#started);
    const counts = ended === null ? {} : { drawn: this.#drawn, failed: this.#failed.length };
    const session = {
      started: this.#started,
      ended,
      processes: spec.nproc,
      machine: thisMachine(),
      ...counts,
    };
    this.#record = { ...this.#record, ...change, sessions: [...earlier, session] };
    await writeRunRecord(spec.out, this.#record);
  }
}

function newRecord({ spec, layout, weights, before }: RunParts, started: string): RunRecord {
  const { config } = spec;
  const { model, sample } = config;
  const { attentionSoftCap } = config.found.softCap({ ofDit: true });
  const { count, seed, seedMode } = spec;
  // As pictures carry them, so that settings that a solver does not read are not told apart.
  const settings = askedMetadata({
    ...{ request: { ...sample, count, seedMode }, prompt: '', seed, layout, attentionSoftCap },
    ...('classes' in spec.asked ? { class: { number: 0, name: undefined } } : {}),
  });
  const { prompt: _, class: __, dit, weakDit, autoencoder, textEncoder, ...said } = settings;
  return {
    format: 1,
    kind: spec.kind,
    software: SOFTWARE,
    command: spec.command ?? null,
    started: before?.started ?? started,
    ended: before?.ended ?? null,
    decides: {
      kind: spec.kind,
      ...spec.decides,
      ...{ count, seedMode },
      ...without(said, [...config.ofModel, ...config.leftToModel]),
      dtype: model.dtype,
      ...Object.fromEntries(weights.map(({ part, path, sha256 }) => [nameOf(part, path, layout), sha256])),
    },
    about: { ...spec.about, model, batchSize: sample.batchSize },
    weights,
    drawnIn: before?.drawnIn ?? null,
    sessions: before?.sessions ?? [],
  };
}

/** Without folders: the same weights may lie elsewhere on another machine. */
function nameOf(part: string, path: string, layout: ReleaseLayout): string {
  return part === 'textEncoder' && layout.textEncoder !== undefined
    ? `weights.${part}/${path.slice(resolve(layout.textEncoder).length + 1)}`
    : `weights.${part}${/(-\d+-of-\d+|\.\d+-of-\d+)/.exec(path)?.[0] ?? ''}`;
}

/** What lets pixels differ in their last bits from those that are there. */
function otherBits(before: DrawnIn, now: DrawnIn): readonly string[] {
  const bits = 'pixels may differ in the last bits';
  if (kindOf(before.device) !== kindOf(now.device)) {
    return [`this run was begun on ${before.device} and goes on on ${now.device}: ${bits}`];
  }
  if (now.device !== 'cpu' || before.threads === now.threads) return [];
  const [was, is] = [before, now].map(({ threads }) =>
    threads === null ? 'all threads' : `${threads} thread(s)`,
  );
  return [`this run was begun with ${was} of each process and goes on with ${is}: ${bits} (--threads)`];
}

function kindOf(device: string): string {
  return device.split(':', 1)[0] ?? device;
}

function now(): string {
  return new Date().toISOString();
}

function otherRun(out: string, differs: readonly string[]): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', `${out} holds another run: ${differs.join('; ')}`, {
    hint: 'Choose another --out, or pass --on-mismatch redraw to draw again what differs.',
  });
}

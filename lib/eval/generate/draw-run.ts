/** Draws all files of a run that are not there yet, on one process or several, and keeps its run.json. */
import { join, resolve } from 'node:path';
import { seedOf } from '../../config/request.js';
import type { Settings } from '../../config/settings.js';
import { SvgT2IError } from '../../errors.js';
import { makeFolder, removeDeadParts } from '../../files.js';
import { askedMetadata } from '../../pipeline/metadata.js';
import { checkSeeds } from '../../pipeline/sample-job.js';
import { type Subjects, subjectsOf } from '../../pipeline/subjects.js';
import { lockRunFolder } from '../../processes/run-lock.js';
import { readClassNames } from '../../release/class-names.js';
import { without } from '../../release/draw-config.js';
import { layoutOf, MODEL_PARTS, type ReleaseLayout } from '../../release/layout.js';
import type { EvaluateOptions } from '../events.js';
import type { PictureFile } from '../layouts/plan.js';
import { deal } from './deal.js';
import { CLASS_PARTS, type DrawEvent, type DrawnIn, drawFiles } from './draw-files.js';
import { existingFiles, refuseOthers } from './existing-files.js';
import { newRecord, otherBits, type RecordedRun } from './new-record.js';
import { makePartsFolder, partsFolder, removeEmptyParts } from './parts-folder.js';
import { drawInProcesses } from './processes.js';
import { removeDrawn } from './remove-drawn.js';
import {
  decisiveDifferences,
  type RunRecord,
  readRunRecord,
  SOFTWARE,
  thisMachine,
  writeRunRecord,
} from './run-record.js';
import type { RunOutcome, RunSpec } from './run-spec.js';
import type { FailedFile } from './types.js';
import { hashWeights } from './weights.js';

export type { RunConfig, RunOutcome, RunSpec } from './run-spec.js';

/**
 * Draws what is missing, as often as it is called. `beforeDrawing` is called once the models are loaded, so
 * that nothing can be refused any more.
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
  const hint = 'Wait for it, end it, or choose another --out.';
  const lock = await lockRunFolder(out, { signal, onWarning, hint });
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

interface RunParts extends RecordedRun {
  readonly subjects: Subjects;
  readonly options: EvaluateOptions & { readonly beforeDrawing?: () => Promise<void> };
}

class Run {
  readonly #parts: RunParts;
  readonly #failed: FailedFile[] = [];
  readonly #started = new Date().toISOString();
  #record: RunRecord;
  #begun: Promise<void> | undefined;
  /** What is there is none of it kept, whatever it carries. */
  #isAllAnew = false;
  #drawn = 0;
  /** Solver steps of files that are on their way, each from 0 to 1. */
  readonly #underway = new Map<string, number>();

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#record = newRecord(parts, this.#started);
  }

  async draw(): Promise<RunOutcome> {
    const { spec } = this.#parts;
    const { wanted, kept } = await this.#look();
    // Of nothing that stays.
    if (kept.length === 0) this.#record = { ...this.#record, drawnIn: null };
    if (wanted.length > 0) this.#record = { ...this.#record, ended: null };
    for (const { path, pictures } of kept) this.#tellFile(path, pictures, true);
    try {
      if (wanted.length > 0) await this.#drawWanted(wanted);
      else await this.#begin();
      if (this.#failed.length === 0) this.#record = { ...this.#record, ended: this.#record.ended ?? now() };
    } finally {
      await removeEmptyParts(spec.out);
      // What the model refuses is no run yet, and leaves another one as it was.
      if (this.#begun !== undefined) await this.#write(now());
    }
    return {
      drawn: this.#drawn,
      kept: spec.files.length - wanted.length,
      failed: this.#failed,
      record: this.#record,
    };
  }

  /** Before anything is drawn: with the first process that has loaded the models, where there is something to draw. */
  #begin(drawnIn?: DrawnIn): Promise<void> {
    this.#begun ??= this.#prepare(drawnIn);
    return this.#begun;
  }

  async #prepare(drawnIn: DrawnIn | undefined): Promise<void> {
    const { spec, options } = this.#parts;
    const before = this.#record.drawnIn;
    if (drawnIn !== undefined) {
      for (const message of before === null ? [] : otherBits(before, drawnIn)) this.#warn(message);
      this.#record = { ...this.#record, drawnIn: before ?? drawnIn };
    }
    // Where nothing in them tells them from the new ones, old pictures go first: a kill would leave a set of both.
    if (this.#isAllAnew) await removeDrawn(spec, { signal: options.signal });
    await this.#write(null);
    await options.beforeDrawing?.();
  }

  /** What is there, held against what is asked for. */
  async #look(): Promise<{ readonly wanted: readonly PictureFile[]; readonly kept: readonly PictureFile[] }> {
    const { spec, before, options } = this.#parts;
    this.#isAllAnew = !spec.skipExisting;
    if (before !== undefined) {
      const { decides } = this.#record;
      const differs = decisiveDifferences(before.decides, decides);
      // Files of another kind would stay where they are.
      if (before.kind !== spec.kind) throw otherKind(spec, before.kind);
      if (differs.length > 0) {
        if (spec.onMismatch === 'refuse') throw otherRun(spec.out, differs);
        this.#warn(`this run goes on with other settings: ${differs.join('; ')}`);
        // What pictures carry are names of weights, which may be the same.
        this.#isAllAnew ||= differs.some((difference) => difference.startsWith('weights.'));
      }
      if (before.software !== SOFTWARE) {
        this.#warn(
          `this run was begun by ${before.software} and goes on with ${SOFTWARE}, which may draw other pixels`,
        );
      }
    }
    if (this.#isAllAnew) return { wanted: spec.files, kept: [] };
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
    const how = {
      signal: options.signal,
      onEvent: (event: DrawEvent) => this.#event(event, wanted),
      onLoaded: (drawnIn: DrawnIn) => this.#begin(drawnIn),
    };
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
  async #write(ended: string | null): Promise<void> {
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
    this.#record = { ...this.#record, sessions: [...earlier, session] };
    await writeRunRecord(spec.out, this.#record);
  }
}

function now(): string {
  return new Date().toISOString();
}

function otherKind({ out, kind }: RunSpec, there: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', `${out} holds a run of ${there}, not of ${kind}`, {
    hint: 'Choose another --out.',
  });
}

function otherRun(out: string, differs: readonly string[]): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', `${out} holds another run: ${differs.join('; ')}`, {
    hint: 'Choose another --out, or pass --on-mismatch redraw to draw again what differs.',
  });
}

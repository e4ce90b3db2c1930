/** Measures each new checkpoint of a run on a small fixed set, as long as the run goes on: `eval watch`. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ResolvedWatch, watchSchema } from '../../config/eval/watch.js';
import { validate } from '../../config/validate.js';
import { fileError, firstLine, SvgT2IError } from '../../errors.js';
import { makeFolder, removeDeadParts } from '../../files.js';
import { acquireLock, type Lock } from '../../lock/lock.mjs';
import { type RunFolder, runFolder } from '../../train/run-folder.js';
import { commandLine } from '../command-line.js';
import type { EvaluateEvent, EvaluateOptions } from '../events.js';
import { CheckpointEngine } from './checkpoint-engine.js';
import { openProbe } from './open-probe.js';
import type { Measured } from './probe.js';
import {
  hasBegun,
  isLast,
  metricsIdentity,
  readRunConfig,
  type SeenCheckpoint,
  seeCheckpoints,
  TrainedTimes,
} from './run-view.js';
import type { CheckpointEvaluation, WatchRequest, WatchResult } from './types.js';
import { type WatchedSet, WatchRecord } from './watch-record.js';

/**
 * Measures the checkpoints of a run, each once, and goes on with new ones until that of the run's last step is measured.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT; ERR_SVGT2I_RUN_FOLDER for a folder of something else, or one that another
 *   process watches; ERR_SVGT2I_FILE_NOT_FOUND for data, prompts or weights that are not there, and with `once` where there
 *   is no run; or the signal's reason
 *
 * @example
 * const { evaluations } = await evaluateWatch({ run: 'runs/decoder', data: 'held-out', once: true });
 * console.log(evaluations.at(-1)?.values.psnr);
 */
export async function evaluateWatch(
  request: WatchRequest,
  options: EvaluateOptions = {},
): Promise<WatchResult> {
  const settings = validate(watchSchema, request, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  const { data, prompts, inception, lpips, lpipsLinear } = settings;
  for (const path of [data, prompts, inception, lpips, lpipsLinear])
    if (path !== undefined) await checkIsThere(path);
  const watch = new Watch(settings, options);
  await watch.untilBegun();
  return await watch.run();
}

async function checkIsThere(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

async function lockEvaluations(
  { path, evaluated }: RunFolder,
  { signal, onEvent }: EvaluateOptions,
): Promise<Lock> {
  await makeFolder(evaluated);
  const onWarning = (message: string) => onEvent?.({ type: 'warning', message });
  try {
    return await acquireLock(join(evaluated, 'lock'), {
      signal,
      onWait: onWarning,
      onWarning,
      what: evaluated,
      hint: `${path} is watched already: look at its report, or end the other process.`,
      makeError: ({ message, hint }) => new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', message, { hint }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw fileError(error, 'lock', evaluated);
  }
}

class Watch {
  readonly #folder: RunFolder;
  readonly #settings: ResolvedWatch;
  readonly #options: EvaluateOptions;
  /** Checkpoints that are damaged: digests, or what is wrong with their own description. */
  readonly #damaged = new Set<string>();
  /** With the text of its configuration. */
  #opened: (WatchedSet & { readonly text: string }) | undefined;
  /** Of metrics.jsonl, when lines were last held against it. */
  #metrics: string | undefined;
  #waitsFor: string | undefined;

  constructor(settings: ResolvedWatch, options: EvaluateOptions) {
    this.#folder = runFolder(resolve(settings.run));
    this.#settings = settings;
    this.#options = options;
  }

  async untilBegun(): Promise<void> {
    const { once, run } = this.#settings;
    while (!(await hasBegun(this.#folder))) {
      if (once) {
        throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', `${run} holds no run yet`, {
          hint: 'Name the folder that svg-t2i train was given with --run, or leave --once out to wait for it.',
        });
      }
      await this.#pause(`svg-t2i train to begin the run ${run}`);
    }
  }

  async run(): Promise<WatchResult> {
    const lock = await lockEvaluations(this.#folder, this.#options);
    let record: WatchRecord | undefined;
    try {
      await removeDeadParts(this.#folder.evaluated);
      record = await WatchRecord.open(this.#folder, {
        run: this.#settings.run,
        command: commandLine(['eval', 'watch', this.#settings.run], {
          schema: watchSchema.omit({ run: true }),
          values: this.#settings,
        }),
        onWarning: (message) => this.#options.onEvent?.({ type: 'warning', message }),
      });
      return await this.#follow(record, lock);
    } finally {
      await record?.close();
      await this.#opened?.probe.close();
      await lock.release();
    }
  }

  async #follow(record: WatchRecord, lock: Lock): Promise<WatchResult> {
    const evaluations: CheckpointEvaluation[] = [];
    for (;;) {
      const watched = await this.#open(record);
      const seen = await this.#seen();
      await this.#cut(record, seen, watched);
      const pending = seen.filter(
        (one) => !this.#damaged.has(one.digest) && record.lacks(one, watched.probe),
      );
      if (pending.length > 0) {
        for await (const evaluation of this.#measureAll(pending, watched, { record, lock }))
          evaluations.push(evaluation);
        // Others may have come meanwhile.
        continue;
      }
      await record.writeReport(watched);
      const last = seen.at(-1);
      const hasEnded = last !== undefined && isLast(watched.config, last);
      if (hasEnded || this.#settings.once)
        return { kind: 'watch', evaluations, report: record.report, ended: hasEnded ? 'run-ended' : 'once' };
      await this.#pause(`the ${last === undefined ? 'first' : 'next'} checkpoint of ${this.#settings.run}`);
    }
  }

  /** A run that is resumed may have another configuration than before. */
  async #open(record: WatchRecord): Promise<WatchedSet> {
    const config = await readRunConfig(this.#folder);
    const text = JSON.stringify(config);
    if (this.#opened?.text === text) return this.#opened;
    await this.#opened?.probe.close();
    this.#opened = undefined;
    const probe = await openProbe(config, this.#settings, (message) => record.warn(message));
    this.#opened = { config, text, probe };
    return this.#opened;
  }

  async #seen(): Promise<readonly SeenCheckpoint[]> {
    return await seeCheckpoints(this.#folder, (step, error) => {
      const key = `${step} ${firstLine(error)}`;
      if (this.#damaged.has(key)) return;
      this.#damaged.add(key);
      this.#tell({ type: 'skipped', step, message: firstLine(error) });
    });
  }

  async #cut(record: WatchRecord, seen: readonly SeenCheckpoint[], { probe }: WatchedSet): Promise<void> {
    const identity = await metricsIdentity(this.#folder);
    if (identity === this.#metrics) return;
    const times = await TrainedTimes.read(this.#folder);
    // A run that has not reported anything yet says nothing of its past.
    if (times.isEmpty) return;
    this.#metrics = identity;
    await record.cut(times, seen, probe);
  }

  async *#measureAll(
    pending: readonly SeenCheckpoint[],
    watched: WatchedSet,
    { record, lock }: { readonly record: WatchRecord; readonly lock: Lock },
  ): AsyncGenerator<CheckpointEvaluation, void> {
    const { config } = watched;
    const { device = config.device, threads = config.threads, niceness } = this.#settings;
    const { signal } = this.#options;
    this.#waitsFor = undefined;
    const engine = await CheckpointEngine.open(config, { device, threads, niceness, signal });
    try {
      for (const checkpoint of pending) {
        signal?.throwIfAborted();
        const measured = await this.#measure(checkpoint, engine, { ...watched, record });
        if (measured === undefined) continue;
        await lock.check();
        const evaluation = await record.keep(checkpoint, measured, watched);
        this.#tell({ type: 'evaluation', ...evaluation });
        yield evaluation;
      }
    } finally {
      // While one waits, training has the memory to itself.
      await engine.close();
    }
  }

  /** Undefined where the checkpoint is gone, or is not whole. */
  async #measure(
    checkpoint: SeenCheckpoint,
    engine: CheckpointEngine,
    { probe, record }: WatchedSet & { readonly record: WatchRecord },
  ): Promise<(Measured & Pick<CheckpointEvaluation, 'seconds' | 'trained'>) | undefined> {
    const { signal } = this.#options;
    const { step } = checkpoint;
    const begin = performance.now();
    try {
      await engine.take(checkpoint, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const message = await this.#whySkipped(checkpoint, error);
      if (message === undefined) throw error;
      this.#tell({ type: 'skipped', step, message });
      return undefined;
    }
    // While the checkpoint is there: the run may go back before its step meanwhile.
    const trained = (await TrainedTimes.read(this.#folder)).upTo(step);
    const measured = await probe.measure(engine, {
      previous: await record.gridBefore(step, probe),
      signal,
      onEvent: (event) =>
        this.#tell(event.type === 'progress' ? { ...event, what: `step ${step}: ${event.what}` } : event),
    });
    return { ...measured, trained, seconds: (performance.now() - begin) / 1000 };
  }

  /** Undefined where the fault is not the checkpoint's. */
  async #whySkipped({ step, digest }: SeenCheckpoint, error: unknown): Promise<string | undefined> {
    const now = (await seeCheckpoints(this.#folder, () => undefined)).find((one) => one.step === step);
    if (now?.digest !== digest) return 'it was removed before it was read';
    if (!SvgT2IError.isInstance(error) || error.code !== 'ERR_SVGT2I_CHECKPOINT') return undefined;
    this.#damaged.add(digest);
    return firstLine(error);
  }

  #tell(event: EvaluateEvent): void {
    this.#options.onEvent?.(event);
  }

  async #pause(waitsFor: string): Promise<void> {
    const { signal } = this.#options;
    if (this.#waitsFor !== waitsFor) this.#tell({ type: 'waiting', for: waitsFor });
    this.#waitsFor = waitsFor;
    try {
      await sleep(this.#settings.interval * 1000, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }
}

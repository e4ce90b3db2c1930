/** A whole run on one process: folder, lock, engine, resume, loop, export. */
import { basename } from 'node:path';
import {
  checkWorldSize,
  commonValues,
  decisiveValues,
  EARLIER_VALUES,
  type TrainingConfig,
} from '../config/train.js';
import type { Engine } from '../engine.js';
import { SvgT2IError, typedError } from '../errors.js';
import { SOFT_CAP_KEY } from '../features/cache-index.js';
import { startSoftCapWarning } from '../features/soft-cap.js';
import { makeFolder, removeDeadParts } from '../files.js';
import { chooseDevice } from '../processes/device.js';
import { type RankPlace, Ranks, rankPlace } from '../processes/ranks.js';
import { lockRunFolder, type RunLock } from '../processes/run-lock.js';
import { PACKAGE_VERSION } from '../version.js';
import { type FoundCheckpoint, findCheckpoint, pruneCheckpoints, restoreRequest } from './checkpoint.js';
import type { TrainEvent } from './events.js';
import { settleFrozen } from './frozen-paths.js';
import { type LoopResult, runLoop } from './loop.js';
import { openStage } from './open-stage.js';
import { Recorder } from './recorder.js';
import {
  checkResume,
  checkRunConfig,
  isEarlierRun,
  type ResumeMode,
  type RunFolder,
  runFolder,
  writeRunConfig,
} from './run-folder.js';
import { totalSteps } from './schedule.js';
import type { OpenStage } from './stage.js';

/** What `train()` takes. */
export interface TrainOptions {
  /** As `loadTrainingConfig()` returns it. */
  readonly config: TrainingConfig;
  /** Path of the run's folder. */
  readonly folder: string;
  /** Whether the folder may hold the run already, and must. */
  readonly resume: ResumeMode;
  /** Among the processes of the run; what the environment says where not given. */
  readonly place?: RankPlace | undefined;
  /** Train by plain operations, as the other side of a benchmark. */
  readonly plain?: boolean | undefined;
  /** The run saves and ends when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Called with everything that happens. */
  readonly onEvent?: ((event: TrainEvent) => void) | undefined;
}

/** How a run ended. */
export interface TrainResult extends LoopResult {
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** Files of the trained model; none where the run was stopped. */
  readonly exported: readonly string[];
}

/**
 * Trains to the end of the run, or until `signal` asks to stop; then the state is saved.
 *
 * @throws SvgT2IError for everything that the configuration, the data or the folder have wrong, before any training;
 *   ERR_SVGT2I_NUMERIC, ERR_SVGT2I_DATA, ERR_SVGT2I_DISK_FULL on the way
 *
 * @example
 * const config = await loadTrainingConfig('dit', { file: 'configs/dit/dit_stage1_256.yaml' });
 * await train({ config, folder: 'runs/256', resume: 'auto', signal: AbortSignal.timeout(3_600_000) });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { resume, place = rankPlace(process.env) } = options;
  const folder = runFolder(options.folder);
  const config = settleFrozen(options.config, { earlier: await isEarlierRun(folder) });
  checkWorldSize(config, place.worldSize);
  checkRunConfig(config);
  const isFirst = place.rank === 0;
  if (isFirst) await makeFolder(folder.path);
  const onWarning = (message: string) => options.onEvent?.({ type: 'warning', message });
  const locking = { signal: options.signal, onWait: onWarning, onWarning };
  const lock = isFirst ? await lockRunFolder(folder.path, locking) : undefined;
  try {
    await checkResume(folder, resume);
    const warning = isFirst && config.stage === 'dit' ? startSoftCapWarning(config) : undefined;
    if (warning !== undefined) onWarning(warning);
    // Machines may have their releases in different places.
    return await trainLocked(folder, {
      ...options,
      config,
      place,
      lock,
      common: commonValues(options.config),
    });
  } catch (error) {
    throw typedError(error);
  } finally {
    await lock?.release();
  }
}

async function trainLocked(
  folder: RunFolder,
  options: TrainOptions & {
    readonly place: RankPlace;
    readonly common: string;
    /** Of the first process alone. */
    readonly lock: RunLock | undefined;
  },
): Promise<TrainResult> {
  const { config, place, common, lock, plain, signal, onEvent = () => undefined } = options;
  const onWarning = (message: string) => onEvent({ type: 'warning', message });
  let ranks: Ranks | undefined;
  const meet = async (engine: Engine): Promise<Ranks> => {
    ranks = await Ranks.open(engine, place, { ...config.parallel, signal, onWarning });
    await ranks.agree('version', PACKAGE_VERSION);
    await ranks.agree('run folder', folder.path);
    await ranks.agree('configuration', common);
    return ranks;
  };
  const device = chooseDevice(config, place);
  const stage = await orStop(signal, openStage(config, { device, meet, plain, signal, onWarning }));
  try {
    const steps = totalSteps(config, stage.items);
    const checkLock = async () => await lock?.check();
    const begin = async () => {
      const group = ranks ?? (await meet(stage.engine));
      await group.agree('number of pictures', String(stage.items));
      const firstStep = await restore(folder, config, { stage, ranks: group, steps, onWarning });
      await checkLock();
      const buckets = group.isFirst ? await stage.buckets(signal) : undefined;
      await beginFolder(folder, config, { ranks: group, step: firstStep, onWarning });
      return { group, firstStep, buckets };
    };
    const { group, firstStep, buckets } = await orStop(signal, begin());
    const { worldSize } = place;
    onEvent({
      type: 'start',
      folder: folder.path,
      stage: config.stage,
      step: firstStep,
      steps,
      items: stage.items,
      worldSize,
      start: stage.start,
    });
    if (buckets !== undefined) onEvent({ type: 'buckets', ...buckets });
    const recorder = group.isFirst
      ? await Recorder.open(folder, {
          step: firstStep,
          seen: firstStep * config.batch.global,
          itemsPerEpoch: stage.items,
        })
      : undefined;
    try {
      const loop = { config, stage, ranks: group, folder, recorder, firstStep, steps, signal, onEvent };
      const result = await runLoop({ ...loop, checkLock });
      await checkLock();
      await recorder?.plot(basename(folder.path));
      const { isFirst } = group;
      const exported = result.stopped
        ? []
        : await stage.exportTo(folder.exported, {
            name: basename(folder.path),
            isFirst,
            settle: () => group.barrier({ patient: true }),
          });
      if (exported.length > 0) onEvent({ type: 'export', files: exported });
      await group.close();
      return { ...result, steps, exported };
    } finally {
      await recorder?.close();
    }
  } finally {
    await stage.close();
  }
}

/** While nothing is trained yet: asked to stop, all processes leave, and some see only that the others have left. */
async function orStop<Value>(signal: AbortSignal | undefined, work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_RANKS') signal?.throwIfAborted();
    throw error;
  }
}

async function beginFolder(
  folder: RunFolder,
  config: TrainingConfig,
  options: {
    readonly ranks: Ranks;
    /** Steps that are done. */
    readonly step: number;
    readonly onWarning: (message: string) => void;
  },
): Promise<void> {
  if (options.ranks.isFirst) {
    await makeFolder(folder.checkpoints);
    // Of checkpoints/ pruning takes care.
    for (const path of [folder.path, folder.samples])
      await removeDeadParts(path, { onWarning: options.onWarning });
    await removeDeadParts(folder.exported, { recursive: true, onWarning: options.onWarning });
    const { step: newest, onWarning } = options;
    await pruneCheckpoints(folder.checkpoints, { keep: config.checkpoints.keep, newest, onWarning });
    await writeRunConfig(folder, config);
  }
  await options.ranks.barrier({ patient: true });
}

/** Puts the newest whole checkpoint into the engine; steps done. */
async function restore(
  folder: RunFolder,
  config: TrainingConfig,
  options: {
    readonly stage: Pick<OpenStage<unknown>, 'engine' | 'items'>;
    readonly ranks: Ranks;
    /** Of the whole run. */
    readonly steps: number;
    readonly onWarning: (message: string) => void;
  },
): Promise<number> {
  const { stage, ranks, steps, onWarning } = options;
  const found = await findCheckpoint(folder.checkpoints, onWarning);
  await ranks.agree('checkpoint', found?.folder ?? 'none');
  if (found === undefined) return 0;
  checkState(found, config, stage.items, onWarning);
  checkSteps(found, steps);
  await stage.engine.run('train-restore', restoreRequest(found));
  return found.state.step;
}

/** A run that is shorter than its checkpoint would end at once and export what was not asked for. */
function checkSteps({ folder, state }: FoundCheckpoint, steps: number): void {
  if (state.step <= steps) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_CHECKPOINT',
    `${folder} is behind the end of the run, which has ${steps} steps`,
    {
      hint: `Set steps to at least ${state.step}, remove the later checkpoints, or take this one as it is with svg-t2i export.`,
    },
  );
}

function checkState(
  { folder, state }: FoundCheckpoint,
  config: TrainingConfig,
  items: number,
  onWarning: (message: string) => void,
): void {
  if (state.stage !== config.stage) {
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISMATCH',
      `${folder} is a checkpoint of stage ${state.stage}, not ${config.stage}`,
      { hint: 'Choose the run folder of this stage with --run.' },
    );
  }
  const now = decisiveValues(config, items);
  const before: Readonly<Record<string, string>> = { ...EARLIER_VALUES, ...state.config };
  const keys = new Set([...now.keys(), ...Object.keys(state.config)]);
  // A model that reads no text has no value of its own for it, whatever an earlier version wrote there.
  if (config.stage === 'dit' && config.model.kind === 'svg') keys.delete(SOFT_CAP_KEY);
  const changed = [...keys].filter((key) => now.get(key) !== before[key]);
  const ofModel = changed.find((key) => key.startsWith('model.'));
  if (ofModel !== undefined) {
    const [was, is] = [before[ofModel], now.get(ofModel)].map((value) => value ?? 'unset');
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISMATCH',
      `${folder} is a checkpoint of another model: ${ofModel} was ${was}, not ${is}`,
      { hint: 'Start a new run with initFrom set to this one: what fits is taken over.' },
    );
  }
  if (state.globalBatch !== config.batch.global) {
    throw new SvgT2IError(
      'ERR_SVGT2I_CHECKPOINT',
      `${folder} was trained with batch.global ${state.globalBatch}, not ${config.batch.global}: its place in the data is unknown`,
      { hint: 'Keep batch.global, or start a new run with initFrom set to this one.' },
    );
  }
  if (changed.length > 0) onWarning(`changed since ${folder} was written: ${changed.join(', ')}`);
}

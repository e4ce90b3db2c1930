/** The trained model of a run folder, written in the release's layout. */

import { basename, join } from 'node:path';
import { loadTrainingConfig } from '../config/train.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import { SvgT2IError } from '../errors.js';
import { classesBelow } from '../features/dataset.js';
import { makeFolder } from '../files.js';
import { readClassNames } from '../release/class-names.js';
import { entries, isFile, isFolder } from '../release/find.js';
import { exportAutoencoder } from './autoencoder-export.js';
import { findCheckpoint } from './checkpoint.js';
import { exportDit } from './dit-export.js';
import type { ExportDtype, ExportFormat } from './export-types.js';
import { settleFrozen } from './frozen-paths.js';
import { openRunEngine, restoreCheckpoint } from './open-checkpoint.js';
import { isEarlierRun, type RunFolder, readRunStage, runFolder } from './run-folder.js';

/** What `exportRun()` takes. */
export interface ExportRunOptions {
  /** Path of the run. */
  readonly run: string;
  /** Folder to write to, such as pre-trained. */
  readonly out: string;
  /** `cpu`, `cuda` or `cuda:N`. Default: that of the run. */
  readonly device?: string | undefined;
  /** Of the written weights. Default: as trained. */
  readonly dtype?: ExportDtype | undefined;
  /** Default: that of the release. */
  readonly format?: ExportFormat | undefined;
  /** Leave the plain weights out where there are averages. Default: false. */
  readonly onlyAverages?: boolean | undefined;
  /** Ends it at its next step; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with remarks of one line. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** What was exported. */
export interface ExportRunResult {
  /** Written. */
  readonly files: readonly string[];
  /** Optimiser steps of the checkpoint. */
  readonly step: number;
}

/**
 * Writes the newest whole checkpoint in the release's layout. The run may still be going on.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND for a folder that is no run; ERR_SVGT2I_CHECKPOINT for one without a whole
 *   checkpoint; ERR_SVGT2I_WEIGHTS_MISSING for frozen parts that are gone; ERR_SVGT2I_DISK_FULL or ERR_SVGT2I_IO; or the signal's reason
 *
 * @example
 * const { files, step } = await exportRun({ run: 'runs/256', out: 'pre-trained', dtype: 'bf16' });
 */
export async function exportRun(options: ExportRunOptions): Promise<ExportRunResult> {
  const { onWarning = () => undefined } = options;
  const folder = runFolder(options.run);
  const stage = await readRunStage(folder);
  const written = await loadTrainingConfig(stage, { file: folder.config });
  const config = settleFrozen(written, { earlier: await isEarlierRun(folder) });
  const found = await findCheckpoint(folder.checkpoints, onWarning);
  if (found === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_CHECKPOINT', `${options.run} holds no checkpoint to export`, {
      hint: 'The run saves every checkpoints.every steps, at its end, and on Ctrl-C.',
    });
  }
  await makeFolder(options.out);
  const { device = config.device, signal } = options;
  const { engine, loaded } = await openRunEngine(config, {
    // Weights alone are written, for which no GPU is worth opening.
    device: config.stage === 'autoencoder' && device === 'auto' ? 'cpu' : device,
    parts: ['statistics'],
    signal,
  });
  await using _ = engine;
  await restoreCheckpoint(engine, config, found, signal);
  const { out, dtype, format, onlyAverages } = options;
  const to = { folder: out, name: basename(folder.path), isFirst: true, dtype, format, onlyAverages };
  const files =
    config.stage === 'dit'
      ? await exportDit(engine, config, {
          ...to,
          statistics: loaded?.layout.statistics,
          classes: await classesOf(config, folder, onWarning),
        })
      : await exportAutoencoder(engine, config, to);
  for (const twin of files.map((file) => file.replace(/\.(pth|pt)$/, '.safetensors'))) {
    if (!files.includes(twin) && isFile(twin))
      onWarning(`${twin} is from earlier, and is what sample would read: remove it`);
  }
  return { files, step: found.state.step };
}

/** Names of a run's classes: those that it exported, else the folders that it is trained on. */
async function classesOf(
  { model, data }: DitTrainingConfig,
  { exported }: RunFolder,
  onWarning: (message: string) => void,
): Promise<readonly string[]> {
  if (model.kind !== 'svg') return [];
  const file = entries(exported)
    .map(({ name }) => join(exported, name, 'class_names.json'))
    .find(isFile);
  if (file !== undefined) {
    const known = readClassNames(file);
    const names = Array.from({ length: model.num_classes }, (_, number) => known.nameOf(number) ?? '');
    return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
  }
  const path = data.sets[0]?.path ?? '';
  if (isFolder(path)) return await classesBelow(path);
  onWarning(`the classes have no names: ${path} is not there, whose folders they are called after`);
  return [];
}

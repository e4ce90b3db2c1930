/** The model of a run as one of its checkpoints has it, in an engine of its own: for export, and for those who watch. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { TrainingConfig } from '../config/train.js';
import type { AutoencoderTrainingConfig } from '../config/train-autoencoder.js';
import { Engine } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import { frozenOptions, loadEncoders } from '../features/frozen-options.js';
import { findStart } from '../release/init-from.js';
import type { Loaded } from '../release/load.js';
import type { ReleasePart } from '../release/types.js';
import { autoencoderOpenRequest } from './autoencoder-open-request.js';
import { type FoundCheckpoint, restoreRequest } from './checkpoint.js';
import { ditOpenRequest } from './dit-open-request.js';
import type { StartReport } from './stage.js';

export interface RunEngine {
  readonly engine: Engine;
  /** What is frozen, of a transformer's run. */
  readonly loaded: Loaded | undefined;
}

export interface RunEngineOptions {
  /** `cpu`, `cuda`, `cuda:N` or `auto`. */
  readonly device: string;
  readonly threads?: number | undefined;
  /** As the engine counts it. */
  readonly niceness?: number | undefined;
  /** Of the frozen models those that are needed; of an autoencoder's run there are none. */
  readonly parts: readonly ReleasePart[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * An engine for a run's checkpoints. The caller disposes of it, and of the tokenizer of what is loaded.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING for frozen parts that are gone, ERR_SVGT2I_DEVICE_UNAVAILABLE; or the signal's
 *   reason
 */
export async function openRunEngine(config: TrainingConfig, options: RunEngineOptions): Promise<RunEngine> {
  const { device, threads, niceness, parts, signal } = options;
  if (config.stage === 'autoencoder') {
    const engine = await Engine.create(
      {
        device,
        ...(threads === undefined ? {} : { threads }),
        ...(niceness === undefined ? {} : { niceness }),
      },
      { signal },
    );
    return { engine, loaded: undefined };
  }
  const loaded = await loadEncoders({
    ...frozenOptions(config, { device, threads }),
    ...(niceness === undefined ? {} : { niceness }),
    parts,
    signal,
  });
  return { engine: loaded.engine, loaded };
}

/**
 * Puts the training state of a verified checkpoint into the engine, in place of what was trained there.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISMATCH for the state of another model; or the signal's reason
 */
export async function restoreCheckpoint(
  engine: Pick<Engine, 'run'>,
  config: TrainingConfig,
  checkpoint: FoundCheckpoint,
  signal?: AbortSignal,
): Promise<StartReport> {
  const request =
    config.stage === 'dit'
      ? ditOpenRequest(
          { ...config, activationCheckpointing: 'off' },
          { worldSize: 1, cellPixels: PUBLISHED_CELL_PIXELS },
        )
      : autoencoderOpenRequest(withoutLpips(config), { worldSize: 1, start: frozenStart(config) });
  const { value } = await engine.run('train-open', request, { signal });
  await engine.run('train-restore', restoreRequest(checkpoint), { signal });
  return value;
}

/** It is frozen and no part of a model: half a gigabyte that only training needs. */
function withoutLpips(config: AutoencoderTrainingConfig): AutoencoderTrainingConfig {
  const { lpips: _, ...loss } = config.loss;
  return { ...config, loss };
}

/** Where frozen parts are that checkpoints do not hold: with the weights that the run began with. */
function frozenStart({ encoder, freezeResidual, initFrom }: AutoencoderTrainingConfig): string | undefined {
  if (encoder.train && !freezeResidual) return undefined;
  const isNeeded = encoder.weights === undefined || freezeResidual;
  try {
    return findStart(initFrom, 'autoencoder');
  } catch (error) {
    // Where its encoder was the one that counted, restoring says so.
    if (isNeeded || !isMissing(error)) throw error;
    return undefined;
  }
}

const isMissing = (error: unknown) =>
  error instanceof SvgT2IError && error.code === 'ERR_SVGT2I_WEIGHTS_MISSING';

/** The stage that a configuration trains. */
import type { TrainingConfig } from '../config/train.js';
import { openAutoencoderStage } from './autoencoder-stage.js';
import { openDitStage } from './dit-stage.js';
import type { OpenOptions, OpenStage } from './stage.js';

/** The loop hands back to a stage only samples that the stage itself has made. */
export async function openStage(config: TrainingConfig, options: OpenOptions): Promise<OpenStage<unknown>> {
  const stage =
    config.stage === 'dit' ? openDitStage(config, options) : openAutoencoderStage(config, options);
  return (await stage) as OpenStage<unknown>;
}

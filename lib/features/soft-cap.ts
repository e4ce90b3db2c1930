/** Whether a run or cache has the text encoder's attention scores capped, settled before anything is loaded. */
import type { DitTrainingConfig } from '../config/train-dit.js';
import { SvgT2IError } from '../errors.js';
import { settleAttentionSoftCap } from '../release/attention-soft-cap.js';
import { readDitConfig } from '../release/dit-config.js';
import { findStart } from '../release/init-from.js';
import { readDefaultsFile } from '../release/model-defaults.js';

/**
 * A transformer that goes on from another one goes on with the features that it knows; undefined for one that reads no
 * text. `folder`: of the frozen models.
 */
export function trainingSoftCap(config: DitTrainingConfig, folder: string | undefined): boolean | undefined {
  if (config.model.kind === 'svg') return undefined;
  const asked = config.frozen.attentionSoftCap;
  const trained = asked === undefined ? softCapOfStart(config) : undefined;
  const ofRelease = () => readDefaultsFile(folder).read(undefined).attentionSoftCap;
  return settleAttentionSoftCap({ asked, trained, ofRelease });
}

/** A remark where a configuration asks for other features than the transformer knows that it begins with. */
export function startSoftCapWarning(config: DitTrainingConfig): string | undefined {
  if (config.model.kind === 'svg') return undefined;
  const asked = config.frozen.attentionSoftCap;
  const trained = asked === undefined ? undefined : softCapOfStart(config);
  if (trained === undefined || asked === trained) return undefined;
  const how = (capped: boolean | undefined) => (capped ? 'with' : 'without');
  return `initFrom was trained ${how(trained)} a cap on the text encoder's attention scores, and goes on ${how(asked)} it, as frozen.attentionSoftCap says`;
}

/** Of what is not there nothing is known: opening the run says that it is missing, and a cache does without. */
function softCapOfStart({ initFrom }: DitTrainingConfig): boolean | undefined {
  let start: string | undefined;
  try {
    start = findStart(initFrom, 'dit');
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_WEIGHTS_MISSING') return undefined;
    throw error;
  }
  return start === undefined ? undefined : readDitConfig(start)?.attentionSoftCap;
}

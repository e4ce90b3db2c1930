/** The frozen models of a run, so that a resumed run finds the same ones from any folder, and uses them as before. */
import { join } from 'node:path';
import type { TrainingConfig } from '../config/train.js';
import { trainingSoftCap } from '../features/soft-cap.js';
import { candidates, isFile, isFolder } from '../release/find.js';
import { findFolder } from '../release/folder.js';

/**
 * Names stay as they are, and so does what is not there: loading says what is missing. `earlier` is for the run of a
 * version that always capped the text encoder's attention scores, and so did not say.
 */
export function settleFrozen(
  config: TrainingConfig,
  { earlier = false }: { readonly earlier?: boolean } = {},
): TrainingConfig {
  if (config.stage !== 'dit') return config;
  const { frozen } = config;
  const folder = findFolder(frozen);
  const places = [...(folder === undefined ? [] : [folder, join(folder, 'autoencoder')]), '.'];
  const settle = (given: string | undefined, isThere: (path: string) => boolean) =>
    given === undefined ? undefined : (candidates(given, places).find(isThere) ?? given);
  return {
    ...config,
    frozen: {
      ...frozen,
      pretrained: folder ?? frozen.pretrained,
      autoencoder: settle(frozen.autoencoder, isFile),
      textEncoder: settle(frozen.textEncoder, isFolder),
      attentionSoftCap:
        earlier && config.model.kind !== 'svg'
          ? (frozen.attentionSoftCap ?? true)
          : trainingSoftCap(config, folder),
      statistics: settle(frozen.statistics, isFile),
    },
  };
}

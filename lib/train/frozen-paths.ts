/** Where the frozen models of a run are, so that a resumed run finds the same ones from any folder. */
import { join } from 'node:path';
import type { TrainingConfig } from '../config/train.js';
import { candidates, isFile, isFolder } from '../pipeline/find.js';
import { findFolder } from '../pipeline/layout.js';

/** Names stay as they are, and so does what is not there: loading says what is missing. */
export function settleFrozenPaths(config: TrainingConfig): TrainingConfig {
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
      statistics: settle(frozen.statistics, isFile),
    },
  };
}

/** What loading takes of a run's frozen models, on the device of this process. */
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { LoadOptions } from '../release/types.js';

export function frozenOptions(
  { frozen }: Pick<DitTrainingConfig, 'frozen'>,
  { device, threads }: { readonly device: string; readonly threads?: number | undefined },
): LoadOptions {
  return { ...frozen, device, ...(threads === undefined ? {} : { threads }) };
}

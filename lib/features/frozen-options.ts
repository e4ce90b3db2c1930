/** What loading takes of a run's frozen models, on the device of this process. */
import type { DitTrainingConfig } from '../config/train-dit.js';
import { SvgT2IError } from '../errors.js';
import { type Loaded, loadRelease } from '../release/load.js';
import type { LoadOptions } from '../release/types.js';

export function frozenOptions(
  { frozen }: Pick<DitTrainingConfig, 'frozen'>,
  { device, threads }: { readonly device: string; readonly threads?: number | undefined },
): LoadOptions {
  return { ...frozen, device, ...(threads === undefined ? {} : { threads }) };
}

/**
 * Loads frozen models whose features are trained on.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a text encoder of int8 weights, and as loadRelease()
 */
export async function loadEncoders(options: LoadOptions): Promise<Loaded> {
  const loaded = await loadRelease(options);
  if (loaded.models.textEncoder?.dtype !== 'int8') return loaded;
  await Promise.all([loaded.engine.dispose(), loaded.tokenizer?.dispose()]);
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_CONFIG',
    `frozen.textEncoder: ${loaded.layout.textEncoder ?? 'the text encoder'} is int8, and features to train on are computed in full`,
    {
      hint: 'Name the folder that it was made from, or set frozen.dtype to fp32 or bf16, which multiplies it out.',
    },
  );
}

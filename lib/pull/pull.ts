/** Fetches weights from the hub: `svg-t2i pull`. What asks servers is loaded when it is first needed. */
import { checkSignal, throwIfAborted } from '../abort.js';
import { pathOf } from '../config/paths.js';
import { pullSchema } from '../config/pull.js';
import { shown, validate } from '../config/validate.js';
import { callbackSchema, signalSchema } from '../config/values.js';
import { SvgT2IError } from '../errors.js';
import type { PullInternals } from './run.js';
import type { PullEvent, PullOptions, PullPlan, PullResult } from './types.js';

export const pullOptionsSchema = pullSchema.extend({
  signal: signalSchema.optional(),
  onProgress: callbackSchema<(event: PullEvent) => void>().optional(),
});

/**
 * What `pull` would fetch, with sizes, and how much of it is here; asks the hub, and writes nothing.
 *
 * @example
 * const { fetchBytes, freeBytes } = await planPull({ name: 'svg-t2i', for: 'training' });
 *
 * @throws SvgT2IError as pull()
 */
export async function planPull(options: PullOptions = {}): Promise<PullPlan> {
  return await planPullWith(options, {});
}

/**
 * Fetches weights from the hub into the cache that all tools of Hugging Face share (`HF_HOME`, `HF_HUB_CACHE`), or into a
 * folder. What is there already is not fetched again; what was cut is gone on with, also after a kill. Every byte is held
 * against the hash that the hub lists.
 *
 * @example
 * const { folder } = await pull({ name: 'svg-t2i', onProgress: (event) => console.error(event) });
 * const pipe = await SvgT2I.load({ pretrained: folder });
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT; ERR_SVGT2I_HUB_NOT_FOUND: no such repository, revision or file;
 *   ERR_SVGT2I_HUB_ACCESS: a token or an accepted licence is missing; ERR_SVGT2I_FETCH: the network, or a server that sends
 *   something else than it lists; ERR_SVGT2I_DISK_FULL, ERR_SVGT2I_IO; the reason of the signal
 */
export async function pull(options: PullOptions = {}): Promise<PullResult> {
  return await pullWith(options, {});
}

export async function planPullWith(options: PullOptions, internals: PullInternals): Promise<PullPlan> {
  const checked = checkOptions(options);
  const { runPlan } = await import('./run.js');
  return await runPlan(checked, internals);
}

export async function pullWith(options: PullOptions, internals: PullInternals): Promise<PullResult> {
  const checked = checkOptions(options);
  const { runPull } = await import('./run.js');
  return await runPull(checked, internals);
}

function checkOptions(options: PullOptions) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `pull() takes an object, got ${shown(options)}`, {
      hint: "For example pull({ name: 'svg-t2i' }).",
    });
  }
  checkSignal(options.signal);
  throwIfAborted(options.signal);
  const into = options.into === undefined ? {} : { into: pathOf(options.into, 'into') };
  return validate(pullOptionsSchema, { ...options, ...into }, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
}

/** Estimates of a release: its parts as the engine counts them. */
import type { ResolvedModelOptions } from '../config/model.js';
import type { CountedParts } from '../native/estimate-jobs.js';
import type { LoadParts } from '../native/load-parts.js';
import { DIT_KINDS, type DitKind } from '../release/dit-kind.js';
import type { FoundRelease } from '../release/found-release.js';
import { layoutOf, MODEL_PARTS } from '../release/layout.js';
import { loadRequest } from '../release/load.js';
import { type EstimateRequest, estimate } from './estimate.js';
import type { Estimate } from './types.js';

/** What is drawn with a release. */
export type ReleaseEstimateRequest = Omit<EstimateRequest, 'parts' | 'kind' | 'model'>;

/**
 * What pictures of a release take in memory and time; of its weights the headers alone are read.
 *
 * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING, and as estimate()
 */
export async function estimateFor(
  found: FoundRelease<ResolvedModelOptions>,
  request: ReleaseEstimateRequest,
): Promise<Estimate> {
  const { parts, kind } = releaseParts(found);
  return await estimate({ ...request, parts, kind, model: found.options });
}

function releaseParts(found: FoundRelease<ResolvedModelOptions>): {
  readonly parts: CountedParts;
  readonly kind: DitKind;
} {
  const layout = layoutOf(found, MODEL_PARTS);
  const { dit, autoencoder, textEncoder } = requireParts(loadRequest(found, layout).parts);
  const kind = found.ditKind ?? (textEncoder === undefined ? DIT_KINDS.svg : DIT_KINDS['next-dit']);
  return { kind, parts: { dit, autoencoder, textEncoder } };
}

/** `layoutOf` has found both, or has thrown. */
function requireParts({ dit, autoencoder, textEncoder }: LoadParts) {
  if (dit === undefined || autoencoder === undefined) throw new TypeError('a release without its parts');
  return { dit, autoencoder, textEncoder };
}

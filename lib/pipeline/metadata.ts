/** The parameters that are stored in a picture: enough to draw it again. */
import { basename, dirname } from 'node:path';
import { defaultShift, isAdaptive, type ResolvedRequest } from '../config/request.js';
import type { ImageParameters } from '../image/parameters.js';
import { PACKAGE_VERSION } from '../version.js';
import type { Loaded } from './load.js';

export function imageMetadata(picture: {
  readonly request: ResolvedRequest;
  readonly prompt: string;
  readonly enhancedPrompt: string | undefined;
  readonly seed: number;
  readonly givenNoise: boolean;
  readonly loaded: Pick<Loaded, 'layout' | 'models'>;
}): ImageParameters {
  const { request, loaded } = picture;
  const dpm = request.solver === 'dpm++';
  return {
    software: `svg-t2i ${PACKAGE_VERSION}`,
    prompt: picture.prompt,
    ...(picture.enhancedPrompt === undefined ? {} : { enhancedPrompt: picture.enhancedPrompt }),
    negativePrompt: request.negativePrompt,
    systemPrompt: request.systemPrompt,
    width: request.width,
    height: request.height,
    seed: picture.seed,
    // The seed says nothing where the caller gave the noise.
    ...(picture.givenNoise ? { noise: 'given' } : {}),
    steps: request.steps,
    solver: request.solver,
    ...(dpm ? { order: request.order, method: request.method, skipType: request.skipType } : {}),
    ...(isAdaptive(request.solver) ? { atol: request.atol, rtol: request.rtol } : {}),
    shift: request.shift ?? defaultShift(request.solver),
    guidanceScale: request.guidanceScale,
    guidanceMode: request.guidanceMode,
    guidanceUntil: request.guidanceUntil,
    ...(request.guidanceMode === 'renorm' ? { renorm: request.renorm } : {}),
    // File names, no paths: a picture that is passed on should not tell about its maker's folders.
    dit: shortPath(loaded.layout.dit),
    autoencoder: shortPath(loaded.layout.autoencoder?.checkpoint),
    dtype: loaded.models.dtype,
    device: loaded.models.device,
  };
}

function shortPath(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `${basename(dirname(path))}/${basename(path)}`;
}

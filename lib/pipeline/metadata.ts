/** The parameters that are stored in a picture: enough to draw it again. */
import { basename, dirname } from 'node:path';
import { defaultShift, isAdaptive, type ResolvedRequest } from '../config/request.js';
import type { ImageParameters } from '../image/parameters.js';
import type { ClassSubject } from '../release/class-names.js';
import type { ReleaseLayout } from '../release/layout.js';
import type { Loaded } from '../release/load.js';
import { PACKAGE_VERSION } from '../version.js';
import type { ImageMetadata } from './image-metadata.js';
import type { Evaluations } from './types.js';

/** What of a picture's parameters was asked for. */
type AskedMetadata = Omit<
  ImageMetadata,
  'software' | 'enhancedPrompt' | 'noise' | 'dtype' | 'device' | keyof Evaluations
>;

/** What was asked for: known before anything is loaded. */
export interface AskedPicture {
  readonly request: Omit<ResolvedRequest, 'prompt' | 'class' | 'seed'>;
  readonly prompt: string;
  /** Of a class-conditional model. */
  readonly class?: ClassSubject | undefined;
  readonly seed: number;
  readonly layout: Pick<ReleaseLayout, 'dit' | 'weakDit' | 'autoencoder' | 'textEncoder'>;
  /** As settled: what `softCap()` of the release that was found returns. */
  readonly attentionSoftCap: boolean;
}

export function imageMetadata(picture: {
  readonly request: AskedPicture['request'];
  readonly prompt: string;
  readonly class?: ClassSubject | undefined;
  readonly enhancedPrompt: string | undefined;
  readonly seed: number;
  readonly givenNoise: boolean;
  readonly loaded: Pick<Loaded, 'layout' | 'models' | 'drawnIn' | 'attentionSoftCap'>;
}): ImageMetadata {
  const { request, prompt, seed, loaded } = picture;
  const { layout, attentionSoftCap } = loaded;
  return {
    software: `svg-t2i ${PACKAGE_VERSION}`,
    ...askedMetadata({ request, prompt, class: picture.class, seed, layout, attentionSoftCap }),
    ...(picture.enhancedPrompt === undefined ? {} : { enhancedPrompt: picture.enhancedPrompt }),
    // The seed says nothing where the caller gave the noise.
    ...(picture.givenNoise ? { noise: 'given' } : {}),
    dtype: loaded.drawnIn,
    device: loaded.models.device,
  };
}

/** The part of a picture's parameters that was asked for. */
export function askedMetadata(asked: AskedPicture): AskedMetadata {
  const { request, prompt, seed, layout, attentionSoftCap } = asked;
  const dpm = request.solver === 'dpm++';
  return {
    prompt,
    ...(asked.class === undefined
      ? { negativePrompt: request.negativePrompt, systemPrompt: request.systemPrompt }
      : { class: asked.class.number }),
    width: request.width,
    height: request.height,
    seed,
    steps: request.steps,
    solver: request.solver,
    ...(dpm ? { order: request.order, method: request.method, skipType: request.skipType } : {}),
    ...(isAdaptive(request.solver) ? { atol: request.atol, rtol: request.rtol } : {}),
    shift: request.shift ?? defaultShift(request.solver),
    guidanceScale: request.guidanceScale,
    guidanceMode: request.guidanceMode,
    guidanceUntil: request.guidanceUntil,
    ...(request.guidanceFrom === 0 ? {} : { guidanceFrom: request.guidanceFrom }),
    ...(request.guidanceSchedule === 'constant' ? {} : { guidanceSchedule: request.guidanceSchedule }),
    ...(request.guidanceMode === 'renorm' ? { renorm: request.renorm } : {}),
    ...stepCacheMetadata(request),
    ...modelNames(layout),
    ...(asked.class === undefined ? { attentionSoftCap } : {}),
  };
}

/** What is left out is off, or at its default. */
function stepCacheMetadata({ stepCache, stepCacheRescale }: AskedPicture['request']) {
  if (stepCache === 0) return {};
  return { stepCache, ...(stepCacheRescale === 'none' ? {} : { stepCacheRescale }) };
}

/** File names, no paths: a picture that is passed on should not tell about its maker's folders. */
export function modelNames(
  layout: AskedPicture['layout'],
): Pick<ImageMetadata, 'dit' | 'weakDit' | 'autoencoder' | 'textEncoder'> {
  return {
    dit: shortPath(layout.dit),
    ...(layout.weakDit === undefined ? {} : { weakDit: shortPath(layout.weakDit) }),
    autoencoder: shortPath(layout.autoencoder?.checkpoint),
    textEncoder: layout.textEncoder === undefined ? undefined : basename(layout.textEncoder),
  };
}

/** What a picture was drawn with that does not say: `askedMetadata` leaves these out. */
const UNSAID: ImageParameters = {
  guidanceFrom: 0,
  guidanceSchedule: 'constant',
  stepCache: 0,
  stepCacheRescale: 'none',
  weakDit: 'none',
};

/**
 * Names of the parameters in which a picture differs from what is asked for. Only what both say counts: pictures of
 * other versions know more or less. What is left out at its default is said by being left out.
 */
export function differences(asked: ImageParameters, found: ImageParameters): readonly string[] {
  const names = Object.keys({ ...UNSAID, ...asked }).filter((name) => {
    const [wanted, there] = [asked[name] ?? UNSAID[name], found[name] ?? UNSAID[name]];
    if (wanted === undefined || there === undefined || wanted === there) return false;
    // Texts that had no room in EXIF are cut.
    const isCut = found.shortened === true && typeof wanted === 'string' && typeof there === 'string';
    return !(isCut && wanted.startsWith(there));
  });
  return found.noise === undefined ? names : [...names, 'noise'];
}

function shortPath(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `${basename(dirname(path))}/${basename(path)}`;
}

/** A request as the jobs of the engine: which pictures go together and what each needs. */
import {
  defaultShift,
  isAdaptive,
  type ResolvedRequest,
  type ResolvedSettings,
  seedCount,
  seedOf,
} from '../config/request.js';
import { SvgT2IError } from '../errors.js';
import type { NativeTensor } from '../native/binding.js';
import type { JobRequest, Jobs } from '../native/jobs.js';
import type { GuidanceRequest, SolverRequest } from '../native/sample-job.js';
import type { ClassSubject } from '../release/class-names.js';
import type { DitKind } from '../release/dit-kind.js';
import { type Captions, tokensTensor } from './captions.js';

/** One picture of a run. */
export interface SampleItem {
  readonly index: number;
  readonly seed: number;
  readonly prompt: string;
  /** Of a class-conditional model. */
  readonly class?: ClassSubject | undefined;
  readonly noise: Float32Array | undefined;
}

/** What decides which pictures a run has. */
export interface ItemsRequest extends Pick<ResolvedRequest, 'count' | 'seedMode'> {
  readonly prompt: readonly string[];
  readonly classes?: readonly ClassSubject[] | undefined;
  readonly seed: number;
}

export interface SampleJob {
  /** Of the engine's `sample` job. */
  readonly request: JobRequest<'sample'>;
  readonly tensors: Jobs['sample']['tensors'];
}

/** The pictures of a run by their index: `count` of the first prompt, then of the second. */
export class SampleItems {
  readonly #request: ItemsRequest;
  readonly #noise: readonly Float32Array[] | undefined;
  /** Of the whole run. */
  readonly total: number;

  /** @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT where the noise or the seeds do not fit the pictures */
  constructor(request: ItemsRequest, noise: readonly Float32Array[] | undefined) {
    this.#request = request;
    this.#noise = noise;
    this.total = request.prompt.length * request.count;
    checkSeeds(request, request.prompt.length);
    if (noise !== undefined && noise.length !== this.total) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `noise: ${noise.length} arrays were given for ${this.total} pictures`,
      );
    }
  }

  at(index: number): SampleItem {
    const subject = Math.floor(index / this.#request.count);
    return {
      index,
      seed: seedOf(this.#request, index),
      prompt: this.#request.prompt[subject] ?? '',
      class: this.#request.classes?.[subject],
      noise: this.#noise?.[index],
    };
  }
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT where the last seed is no exact number any more */
export function checkSeeds(request: Omit<ItemsRequest, 'prompt'>, prompts: number): void {
  const seeds = seedCount(request, prompts);
  if (request.seed <= Number.MAX_SAFE_INTEGER - (seeds - 1)) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `seed ${request.seed} + ${seeds} pictures passes 2^53 - 1`,
  );
}

/** The job that draws `items` together; `captions` are those of their prompts, absent where they are classes. */
export function sampleJob(
  request: ResolvedRequest,
  captions: Captions | undefined,
  items: readonly SampleItem[],
  options: {
    readonly kind: DitKind;
    readonly latent: LatentGrid;
    readonly returnLatents: boolean;
    readonly returnDecoded: boolean;
    readonly previewEvery: number;
  },
): SampleJob {
  const tensors: Record<`${'tokens' | 'noise'}.${number}`, NativeTensor> = {};
  for (const [i, ids] of captions?.tokens.entries() ?? []) tensors[`tokens.${i}`] = tokensTensor(ids);
  const jobItems = items.map((item, position) => {
    if (item.noise !== undefined) {
      tensors[`noise.${position}`] = noiseTensor(item.noise, request, options.latent);
    }
    return {
      seed: item.seed,
      width: request.width,
      height: request.height,
      ...(item.class === undefined
        ? { prompt: captions?.prompts[position] ?? 0, negative: captions?.negative ?? 0 }
        : { class: item.class.number }),
    };
  });
  return { tensors, request: jobRequest(request, jobItems, options) };
}

function jobRequest(
  request: ResolvedRequest,
  items: JobRequest<'sample'>['items'],
  options: {
    readonly kind: DitKind;
    readonly returnLatents: boolean;
    readonly returnDecoded: boolean;
    readonly previewEvery: number;
  },
): JobRequest<'sample'> {
  return {
    solver: solverRequest(request, options.kind),
    guidance: guidanceRequest(request),
    stepCache: stepCacheRequest(request),
    items,
    returnLatents: options.returnLatents,
    returnDecoded: options.returnDecoded,
    previewEvery: options.previewEvery,
  };
}

/** How the flow is integrated, in the engine's words. */
export function solverRequest(settings: ResolvedSettings, kind: DitKind): SolverRequest {
  const { solver: name, order, method, skipType, atol, rtol } = settings;
  const [steps, shift] = [gridSteps(settings, kind), noiseShift(settings, kind)];
  return { name, steps, order, method, skipType, shift, atol, rtol, end: kind.end };
}

/** How it is guided, in the engine's words. */
export function guidanceRequest(settings: ResolvedSettings): GuidanceRequest {
  return {
    scale: settings.guidanceScale,
    mode: settings.guidanceMode,
    from: settings.guidanceFrom === 0 ? undefined : settings.guidanceFrom,
    until: settings.guidanceUntil,
    renorm: settings.renorm,
    schedule: settings.guidanceSchedule,
  };
}

function stepCacheRequest({
  stepCache,
  stepCacheRescale,
}: ResolvedSettings): JobRequest<'sample'>['stepCache'] {
  return stepCache === 0 ? undefined : { threshold: stepCache, rescale: stepCacheRescale };
}

/** What the engine's solvers count: points of a fixed grid, steps of dpm++. */
function gridSteps({ solver, steps }: ResolvedSettings, { countsSteps }: DitKind): number {
  return countsSteps && solver !== 'dpm++' && !isAdaptive(solver) ? steps + 1 : steps;
}

/** The engine's shift is one towards noise where it is above 1. */
function noiseShift({ solver, shift }: ResolvedSettings, { shiftsData }: DitKind): number {
  if (shift === undefined) return defaultShift(solver);
  return shiftsData ? 1 / shift : shift;
}

/** What the transformer draws on. */
export interface LatentGrid {
  readonly channels: number;
  /** A side of one place, in pixels of the picture. */
  readonly cellPixels: number;
}

/** Throws ERR_SVGT2I_INVALID_ARGUMENT for another number of values than the picture's latent has. */
export function noiseTensor(noise: Float32Array, request: ResolvedRequest, latent: LatentGrid): NativeTensor {
  const { channels, cellPixels } = latent;
  const shape = [1, channels, request.height / cellPixels, request.width / cellPixels];
  const length = shape.reduce((product, size) => product * size, 1);
  if (noise.length !== length) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `noise: ${noise.length} numbers were given, ${length} are needed for (${shape.join(', ')})`,
    );
  }
  return { dtype: 'float32', shape, data: noise };
}

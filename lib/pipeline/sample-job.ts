/** A request as the jobs of the engine: which pictures go together and what each needs. */
import { defaultShift, PATCH_PIXELS, type ResolvedRequest, seedCount, seedOf } from '../config/request.js';
import { SvgT2IError } from '../errors.js';
import type { NativeTensor } from '../native/binding.js';
import { type Captions, tokensTensor } from './captions.js';

/** One picture of a run. */
export interface SampleItem {
  readonly index: number;
  readonly seed: number;
  readonly prompt: string;
  readonly noise: Float32Array | undefined;
}

/** What decides which pictures a run has. */
export interface ItemsRequest extends Pick<ResolvedRequest, 'count' | 'seedMode'> {
  readonly prompt: readonly string[];
  readonly seed: number;
}

export interface SampleJob {
  /** Of the engine's `sample` job. */
  readonly request: ReturnType<typeof jobRequest>;
  readonly tensors: Readonly<Record<string, NativeTensor>>;
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
    const prompt = this.#request.prompt[Math.floor(index / this.#request.count)] ?? '';
    return { index, seed: seedOf(this.#request, index), prompt, noise: this.#noise?.[index] };
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

/** The job that draws `items` together; `captions` are those of their prompts. */
export function sampleJob(
  request: ResolvedRequest,
  captions: Captions,
  items: readonly SampleItem[],
  options: {
    readonly latentChannels: number;
    readonly returnLatents: boolean;
    readonly returnDecoded: boolean;
    readonly previewEvery: number;
  },
): SampleJob {
  const tensors: Record<string, NativeTensor> = {};
  for (const [i, ids] of captions.tokens.entries()) tensors[`tokens.${i}`] = tokensTensor(ids);
  const jobItems = items.map((item, position) => {
    if (item.noise !== undefined) {
      tensors[`noise.${position}`] = noiseTensor(item.noise, request, options.latentChannels);
    }
    return {
      seed: item.seed,
      width: request.width,
      height: request.height,
      prompt: captions.prompts[position] ?? 0,
      negative: captions.negative,
    };
  });
  return { tensors, request: jobRequest(request, jobItems, options) };
}

function jobRequest(
  request: ResolvedRequest,
  items: readonly {
    readonly seed: number;
    readonly width: number;
    readonly height: number;
    readonly prompt: number;
    readonly negative: number;
  }[],
  options: {
    readonly returnLatents: boolean;
    readonly returnDecoded: boolean;
    readonly previewEvery: number;
  },
) {
  return {
    solver: {
      name: request.solver,
      steps: request.steps,
      order: request.order,
      method: request.method,
      skip_type: request.skipType,
      shift: request.shift ?? defaultShift(request.solver),
      atol: request.atol,
      rtol: request.rtol,
    },
    guidance: {
      scale: request.guidanceScale,
      mode: request.guidanceMode,
      // The last stage of some solvers is at t = 1, where 1 must still mean "always".
      truncation: request.guidanceUntil >= 1 ? 100 : request.guidanceUntil,
      renorm: request.renorm,
    },
    items,
    returnLatents: options.returnLatents,
    returnImages: options.returnDecoded,
    previewEvery: options.previewEvery,
  };
}

/** Throws ERR_SVGT2I_INVALID_ARGUMENT for another number of values than the picture's latent has. */
export function noiseTensor(noise: Float32Array, request: ResolvedRequest, channels: number): NativeTensor {
  const shape = [1, channels, request.height / PATCH_PIXELS, request.width / PATCH_PIXELS];
  const length = shape.reduce((product, size) => product * size, 1);
  if (noise.length !== length) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `noise: ${noise.length} numbers were given, ${length} are needed for (${shape.join(', ')})`,
    );
  }
  return { dtype: 'float32', shape, data: noise };
}

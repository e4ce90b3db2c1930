/** The provider that is given to the AI SDK. */
import { z } from 'zod';
import { aiServerSchema } from '../config/ai.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import type { SvgT2I } from '../pipeline.js';
import { InProcessModel } from './in-process.js';
import { NoSuchModelError } from './no-such-model.js';
import { ServerModel } from './over-server.js';
import type { SpecificationVersion, SvgT2IImageModel } from './types.js';

/** A pipeline of this process. */
export interface PipelineOptions<Version extends SpecificationVersion = 'v3'> {
  /** What `SvgT2I.load()` gave. It stays yours to dispose of. */
  readonly pipeline: SvgT2I;
  /** Default: `v3`, which ai 6 and 7 read; `v4` is read by ai 7 alone. */
  readonly specificationVersion?: Version | undefined;
}

/** A server that runs `svg-t2i serve`. */
export interface ServerOptions<Version extends SpecificationVersion = 'v3'> {
  /** Such as `http://127.0.0.1:7860`, with or without `/v1`. */
  readonly baseURL: string;
  /** Sent as a Bearer token. */
  readonly apiKey?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** In place of the global fetch. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: `v3`, which ai 6 and 7 read; `v4` is read by ai 7 alone. */
  readonly specificationVersion?: Version | undefined;
}

/** Image models for the AI SDK; its other kinds of models are refused as the AI SDK has it. */
export interface SvgT2IProvider<Version extends SpecificationVersion = 'v3'> {
  /** Of its models. */
  readonly specificationVersion: Version;
  /** A server with several models is asked for one by its name. */
  image(modelId?: string): SvgT2IImageModel<Version>;
  /** The same, as provider registries call it. */
  imageModel(modelId: string): SvgT2IImageModel<Version>;
  /** There is none. */
  languageModel(modelId: string): never;
  /** There is none. */
  embeddingModel(modelId: string): never;
}

const USUAL_MODEL = 'svg-t2i';
const versionSchema = z.enum(['v3', 'v4']).default('v3');
const pipelineSchema = z.strictObject({
  pipeline: z.custom<SvgT2I>(
    (value) => typeof value === 'object' && value !== null && 'stream' in value && 'models' in value,
    { error: 'must be what SvgT2I.load() gave' },
  ),
  specificationVersion: versionSchema,
});
const serverSchema = aiServerSchema.extend({ specificationVersion: versionSchema });

/**
 * A provider for `generateImage` of the AI SDK (ai 6 and 7): over a pipeline of this process, or over `svg-t2i serve`.
 * `providerOptions.svgT2I` takes every setting of `generate()`; without a seed each call draws other pictures.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 *
 * @example
 * import { generateImage } from 'ai';
 * const svg = svgT2I({ pipeline: await SvgT2I.load() });
 * const { image } = await generateImage({
 *   model: svg.image(),
 *   prompt: 'a red fox in the snow',
 *   aspectRatio: '16:9',
 *   providerOptions: { svgT2I: { steps: 25 } },
 * });
 */
export function svgT2I<Version extends SpecificationVersion = 'v3'>(
  options: PipelineOptions<Version> | ServerOptions<Version>,
): SvgT2IProvider<Version> {
  const code = 'ERR_SVGT2I_INVALID_ARGUMENT';
  if (
    typeof options !== 'object' ||
    options === null ||
    (!('pipeline' in options) && !('baseURL' in options))
  ) {
    throw new SvgT2IError(code, 'svgT2I() takes an object with a pipeline or a baseURL', {
      hint: "For example svgT2I({ pipeline: await SvgT2I.load() }) or svgT2I({ baseURL: 'http://127.0.0.1:7860' }).",
    });
  }
  if ('pipeline' in options) {
    const { pipeline, specificationVersion } = validate(pipelineSchema, options, { code });
    return providerOf(
      specificationVersion as Version,
      (id) => new InProcessModel(pipeline, id, specificationVersion as Version),
    );
  }
  const { specificationVersion, ...access } = validate(serverSchema, options, { code });
  return providerOf(
    specificationVersion as Version,
    (id) => new ServerModel(access, id, specificationVersion as Version),
  );
}

function providerOf<Version extends SpecificationVersion>(
  specificationVersion: Version,
  model: (modelId: string) => SvgT2IImageModel<Version>,
): SvgT2IProvider<Version> {
  return {
    specificationVersion,
    image: (modelId = USUAL_MODEL) => model(modelId),
    imageModel: model,
    languageModel: (modelId) => {
      throw new NoSuchModelError(modelId, 'languageModel');
    },
    embeddingModel: (modelId) => {
      throw new NoSuchModelError(modelId, 'embeddingModel');
    },
  };
}

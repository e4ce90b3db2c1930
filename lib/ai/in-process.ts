/** An image model of the AI SDK over a pipeline that this process has loaded. */
import type { SvgT2I } from '../pipeline.js';
import { checkCall, type SizeRules } from './call.js';
import type { AiCallOptions, AiResult, JsonValue, SpecificationVersion, SvgT2IImageModel } from './types.js';

/** What the model needs of a pipeline. */
export type AiPipeline = Pick<SvgT2I, 'stream' | 'models' | 'defaults'>;

const USUAL_SIDE = 1024;
/** A request takes no more. */
const MOST_PICTURES = 100_000;

export class InProcessModel<Version extends SpecificationVersion> implements SvgT2IImageModel<Version> {
  readonly specificationVersion: Version;
  readonly provider = 'svg-t2i';
  readonly modelId: string;
  readonly maxImagesPerCall = MOST_PICTURES;
  readonly #pipeline: AiPipeline;

  constructor(pipeline: AiPipeline, modelId: string, specificationVersion: Version) {
    this.#pipeline = pipeline;
    this.modelId = modelId;
    this.specificationVersion = specificationVersion;
    // ai 7 calls it on a proxy of the model, which has no private fields.
    this.doGenerate = this.doGenerate.bind(this);
  }

  async doGenerate(options: AiCallOptions): Promise<AiResult> {
    const timestamp = new Date();
    const call = await checkCall(options, () => this.#sizes());
    const images: Uint8Array[] = [];
    const parameters: JsonValue[] = [];
    const { settings, subject, size, seed, format, quality, warnings } = call;
    const request = { ...settings, ...subject, ...size, seed, count: options.n, signal: options.abortSignal };
    for await (const event of this.#pipeline.stream(request)) {
      if (event.type === 'warning') warnings.push({ type: 'other', message: event.message });
      if (event.type !== 'image') continue;
      const { image } = event;
      images.push(await image.encode(format, quality === undefined ? {} : { quality }));
      parameters.push({ ...image.metadata });
    }
    return {
      images,
      warnings,
      providerMetadata: { svgT2I: { images: parameters } },
      response: { timestamp, modelId: this.modelId, headers: undefined },
    };
  }

  #sizes(): SizeRules {
    const { models, defaults } = this.#pipeline;
    const cell = models.autoencoder?.cellPixels ?? 1;
    const { patchSize = 1, maxLatentRows = 1, maxLatentColumns = 1 } = models.dit ?? {};
    return {
      width: defaults.width ?? USUAL_SIDE,
      height: defaults.height ?? USUAL_SIDE,
      multiple: cell * patchSize,
      mostSide: cell * Math.min(maxLatentRows, maxLatentColumns),
    };
  }
}

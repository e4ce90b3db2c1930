/** An image model of the AI SDK over `svg-t2i serve`. */
import { readParameters } from '../image/parameters.js';
import { type CheckedCall, checkCall, type SizeRules } from './call.js';
import { type Capabilities, capabilitiesOf, type ServerAccess } from './server-api.js';
import { runJob } from './server-job.js';
import type { AiCallOptions, AiResult, JsonValue, SpecificationVersion, SvgT2IImageModel } from './types.js';

/** Where a server does not say of its models. */
const USUAL_SIZE = '1024x1024';
/** Settings that are the server's to choose. */
const OF_THE_SERVER = ['batchSize', 'seedMode'] as const;

export class ServerModel<Version extends SpecificationVersion> implements SvgT2IImageModel<Version> {
  readonly specificationVersion: Version;
  readonly provider = 'svg-t2i';
  readonly modelId: string;
  readonly maxImagesPerCall = async () => (await this.#known()).limits.n;
  readonly #access: ServerAccess;
  #capabilities: Promise<Capabilities> | undefined;

  constructor(access: ServerAccess, modelId: string, specificationVersion: Version) {
    this.#access = access;
    this.modelId = modelId;
    this.specificationVersion = specificationVersion;
    // ai 7 calls it on a proxy of the model, which has no private fields.
    this.doGenerate = this.doGenerate.bind(this);
  }

  async doGenerate(options: AiCallOptions): Promise<AiResult> {
    const timestamp = new Date();
    const { abortSignal: signal, headers, n } = options;
    const call = await checkCall(options, () => this.#sizes());
    for (const setting of OF_THE_SERVER) {
      if (call.settings[setting] === undefined) continue;
      const details = 'pictures of a server go through the model with those of others';
      call.warnings.push({ type: 'unsupported', feature: `providerOptions.svgT2I.${setting}`, details });
    }
    const body = { model: this.modelId, n, ...bodyOf(call) };
    const {
      files,
      warnings,
      model,
      headers: answered,
    } = await runJob(this.#access, { body, headers, signal });
    const parameters = await Promise.all(files.map((file) => readParameters(file)));
    return {
      images: [...files],
      warnings: [...call.warnings, ...warnings.map((message) => ({ type: 'other' as const, message }))],
      providerMetadata: { svgT2I: { images: parameters.map((one) => (one ?? null) as JsonValue) } },
      response: { timestamp, modelId: model ?? this.modelId, headers: answered },
    };
  }

  /** Asked for once; again where that failed. */
  #known(): Promise<Capabilities> {
    this.#capabilities ??= capabilitiesOf(this.#access).catch((error: unknown) => {
      this.#capabilities = undefined;
      throw error;
    });
    return this.#capabilities;
  }

  async #sizes(): Promise<SizeRules> {
    const { models } = await this.#known();
    const model = models.find(({ id }) => id === this.modelId) ?? models[0];
    const { cell_pixels = 16, patch = 1, max_side = 8192, defaults } = model ?? {};
    const [width = 1024, height = 1024] = (defaults?.size ?? USUAL_SIZE).split('x').map(Number);
    return { width, height, multiple: cell_pixels * patch, mostSide: max_side };
  }
}

/** In the words of the server: snake_case, and a size as one text. */
function bodyOf({ settings, subject, size, seed, format, quality }: CheckedCall): Record<string, unknown> {
  const own = Object.entries(settings).filter(([key]) => !OF_THE_SERVER.some((other) => other === key));
  return {
    ...Object.fromEntries(own.map(([key, value]) => [snakeCase(key), value])),
    ...subject,
    ...(size === undefined ? {} : { size: `${size.width}x${size.height}` }),
    ...(seed === 'random' ? {} : { seed }),
    output_format: format,
    ...(quality === undefined ? {} : { output_compression: quality }),
  };
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

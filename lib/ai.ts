/** `svg-t2i/ai`: an image provider for the AI SDK. */

export {
  type PipelineOptions,
  type ServerOptions,
  type SvgT2IProvider,
  svgT2I,
} from './ai/provider.js';
export type {
  AiCallOptions,
  AiResult,
  AiWarning,
  JsonValue,
  SpecificationVersion,
  SvgT2IImageModel,
  SvgT2IProviderOptions,
} from './ai/types.js';

/** The public API. */
export type { ModelOptions } from './config/model.js';
export type { Settings } from './config/request.js';
export { loadTrainingConfig, type TrainingConfig, type TrainingStage } from './config/train.js';
export { DisposedError, type ErrorCode, EXIT_CODES, SvgT2IError } from './errors.js';
export { type DecodeLimits, decodeImage, readImage } from './image/decode.js';
export { encodeImage, type OutputFormat } from './image/encode.js';
export { gridImage } from './image/grid.js';
export { type ImageParameters, readParameters } from './image/parameters.js';
export { psnr } from './image/psnr.js';
export type { RgbImage } from './image/rgb-image.js';
export { EMBEDDED_MODEL } from './pipeline/embedded-model.js';
export type { GeneratedImage } from './pipeline/generated-image.js';
export type { ModelPart } from './pipeline/layout.js';
export type { LoadedModels, LoadOptions } from './pipeline/load.js';
export { requestFromParameters } from './pipeline/repeat.js';
export type {
  DecodedImage,
  Evaluations,
  FailedImage,
  GenerateEvent,
  GenerateRequest,
  GenerateResult,
  Latent,
  LoadEvent,
  Reconstruction,
  SignalOptions,
  Timings,
} from './pipeline/types.js';
export { SvgT2I } from './pipeline.js';
export { SYSTEM_PROMPTS } from './text/system-prompts.js';
export type { TrainEvent } from './train/events.js';
export { type ExportRunOptions, type ExportRunResult, exportRun } from './train/export-run.js';
export type { Metrics } from './train/metrics.js';
export type { RunStop } from './train/ranks.js';
export { type TrainOptions, type TrainResult, train } from './train/run.js';
export { PACKAGE_VERSION } from './version.js';
export {
  type ConversionReport,
  type ConvertOptions,
  convertWeights,
  type FileJobOptions,
  type FileProgress,
  inspectWeights,
  type TensorSummary,
  type VerificationReport,
  type VerifyOptions,
  verifyWeights,
  type WeightFileReport,
} from './weight-files.js';

/// <reference lib="esnext.disposable" preserve="true" />
/** The public API. */

export type { SignalOptions } from './abort.js';
export type { ModelOptions } from './config/model.js';
export type { PullPurpose } from './config/pull.js';
export type { ServedModelOptions, ServeSettings } from './config/serve-settings.js';
export type { Settings, Solver } from './config/settings.js';
export { loadTrainingConfig, type TrainingConfig, type TrainingStage } from './config/train.js';
export { DisposedError, type ErrorCode, type ErrorJson, EXIT_CODES, SvgT2IError } from './errors.js';
export type { CheckRequest } from './eval/check.js';
export {
  type EvaluateRequest,
  type EvaluateResult,
  type Evaluation,
  type EvaluationKind,
  evaluate,
} from './eval/evaluate.js';
export type {
  BadPictureEvent,
  EvaluateEvent,
  EvaluateImageEvent,
  EvaluateOptions,
  EvaluateProgressEvent,
} from './eval/events.js';
export type {
  BenchmarkRequest,
  BenchmarkResult,
  BenchmarkSettings,
  FailedFile,
} from './eval/generate/types.js';
export type { ImagenetRequest, ImagenetResult } from './eval/imagenet/types.js';
export type { CheckKind, CheckReport, Fault } from './eval/layouts/check-report.js';
export type {
  ImagesRequest,
  ImagesResult,
  PairSummaries,
  SetSummary,
  SetValues,
  StatsRequest,
  StatsResult,
} from './eval/measure-types.js';
export type { PackRequest, PackResult } from './eval/pack.js';
export type { PairSummary } from './eval/pair-values.js';
export type { ReconstructRequest, ReconstructResult } from './eval/reconstruct-types.js';
export type {
  RunDifference,
  Score,
  ScoredRun,
  ScoresFiles,
  ScoresRequest,
  ScoresResult,
} from './eval/scores/result.js';
export type { ShapesFiles, ShapesRequest, ShapesResult } from './eval/shapes-types.js';
export type {
  CheckpointEvaluatedEvent,
  CheckpointEvaluation,
  CheckpointSkippedEvent,
  WaitingEvent,
  WatchEvent,
  WatchRequest,
  WatchResult,
} from './eval/watch/types.js';
export { type DecodeLimits, decodeImage, readImage } from './image/decode.js';
export { type EncodeOptions, encodeImage, type OutputFormat } from './image/encode.js';
export { type GridOptions, gridImage } from './image/grid.js';
export { type ImageParameters, readParameters } from './image/parameters.js';
export { psnr } from './image/psnr.js';
export type { RgbImage } from './image/rgb-image.js';
export type { GeneratedImage, ImageFileOptions } from './pipeline/generated-image.js';
export type { ImageMetadata } from './pipeline/image-metadata.js';
export type { DecodedImage, Latent } from './pipeline/latent.js';
export { requestFromParameters } from './pipeline/repeat.js';
export type {
  Classes,
  DecodeEvent,
  DoneEvent,
  EncodeEvent,
  Evaluations,
  FailedEvent,
  FailedImage,
  GenerateEvent,
  GenerateRequest,
  GenerateResult,
  ImageEvent,
  PreviewEvent,
  Reconstruction,
  RequestFields,
  StepEvent,
  Timings,
  WarningEvent,
} from './pipeline/types.js';
export { SvgT2I } from './pipeline.js';
export type { RunStop } from './processes/ranks.js';
export { planPull, pull } from './pull/pull.js';
export type { PullEvent, PulledFile, PullOptions, PullPlan, PullResult } from './pull/types.js';
export { EMBEDDED_MODEL } from './release/embedded-model.js';
export type {
  LoadEvent,
  LoadedAutoencoder,
  LoadedDit,
  LoadedModels,
  LoadedStatistics,
  LoadedTextEncoder,
  LoadOptions,
  ModelPart,
  ReleasePart,
} from './release/types.js';
export { type ServeHandle, serve } from './serve/serve.js';
export { SYSTEM_PROMPTS } from './text/system-prompts.js';
export type { TrainEvent } from './train/events.js';
export { type ExportRunOptions, type ExportRunResult, exportRun } from './train/export-run.js';
export type { Metrics } from './train/metrics.js';
export { type TrainOptions, type TrainResult, train } from './train/run.js';
export { PACKAGE_VERSION } from './version.js';
export {
  type ConversionReport,
  type ConvertOptions,
  convertWeights,
  type FileJobOptions,
  type FileProgress,
  type Int8Summary,
  inspectWeights,
  type TensorSummary,
  type VerificationReport,
  type VerifyOptions,
  verifyWeights,
  type WeightFileReport,
} from './weight-files.js';

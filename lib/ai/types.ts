/**
 * The AI SDK's image models as far as they matter here. Written out, so that a program without @ai-sdk/provider compiles;
 * test/unit/ai holds them against its types.
 */
import type { Settings } from '../config/settings.js';
import type { OutputFormat } from '../image/encode.js';

/** What JSON can say. */
export type JsonValue =
  | null
  | string
  | number
  | boolean
  | { readonly [key: string]: JsonValue | undefined }
  | JsonValue[];

/** A remark on a call. */
export type AiWarning =
  | { readonly type: 'unsupported'; readonly feature: string; readonly details?: string }
  | { readonly type: 'other'; readonly message: string };

/** What `generateImage` hands to a model. */
export interface AiCallOptions {
  /** What to draw. */
  readonly prompt?: string | undefined;
  /** Pictures. */
  readonly n: number;
  /** `WIDTHxHEIGHT`. */
  readonly size?: string | undefined;
  /** `WIDTH:HEIGHT`. */
  readonly aspectRatio?: string | undefined;
  /** Of the first picture; without one it is drawn at random. */
  readonly seed?: number | undefined;
  /** Pictures to edit; they bring a warning. */
  readonly files?: readonly unknown[] | undefined;
  /** Of a picture to edit; it brings a warning. */
  readonly mask?: unknown;
  /** Of these `svgT2I` is read. */
  readonly providerOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Ends the drawing within a step. */
  readonly abortSignal?: AbortSignal | undefined;
  /** Sent with each request to a server. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What a model hands back. */
export interface AiResult {
  /** Bytes of the files. */
  images: Uint8Array[];
  /** What could not be done, and remarks of the pipeline. */
  warnings: AiWarning[];
  /** `svgT2I.images`: the parameters of each picture, as its file carries them. */
  providerMetadata: { svgT2I: { images: JsonValue[] } };
  /** When it began, which model drew, and what a server sent along. */
  response: { timestamp: Date; modelId: string; headers: Record<string, string> | undefined };
}

/** Which of the AI SDK's specifications a model says it follows: `v3` is read by ai 6 and 7, `v4` by ai 7. */
export type SpecificationVersion = 'v3' | 'v4';

/** An image model for `generateImage` of the AI SDK. */
export interface SvgT2IImageModel<Version extends SpecificationVersion = 'v3'> {
  /** Whose methods it has. */
  readonly specificationVersion: Version;
  /** `svg-t2i`. */
  readonly provider: string;
  /** As it was asked for. */
  readonly modelId: string;
  /** Pictures that one call draws. */
  readonly maxImagesPerCall: number | ((options: { modelId: string }) => PromiseLike<number>);
  /** Called by the AI SDK. */
  doGenerate(options: AiCallOptions): Promise<AiResult>;
}

/** `providerOptions.svgT2I`: every setting of `generate()` but `count`, which is the AI SDK's `n`, and how files are written. */
export interface SvgT2IProviderOptions extends Omit<Settings, 'count'> {
  /** Of a class-conditional model: a number or a name, in place of the prompt. */
  readonly class?: number | string | undefined;
  /** Of the files. Default: `png`. */
  readonly format?: OutputFormat | undefined;
  /** 1 to 100, for jpeg and webp. */
  readonly quality?: number | undefined;
}

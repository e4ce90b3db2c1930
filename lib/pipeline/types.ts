/** What goes into a pipeline and what comes out. */
import type { z } from 'zod';
import type { requestSchema } from '../config/request.js';
import type { SvgT2IError } from '../errors.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { GeneratedImage } from './generated-image.js';

/** Features of one picture: float32 (channels, height / 16, width / 16). */
export interface Latent {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** Settings of a request (see config/request.ts for each) and what only the API can give. */
export type GenerateRequest = z.input<typeof requestSchema> & {
  /** Ends the run at the next step; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Starting noise of the pictures in their order, each (channels, height / 16, width / 16), instead of the seed's. */
  readonly noise?: readonly Float32Array[] | undefined;
  /** Draw only these pictures of the run, by their index; the others exist already, say. */
  readonly only?: readonly number[] | undefined;
  /**
   * Draw the others where a picture fails (numbers that are not finite, too little memory): it becomes a `failed` event
   * and an entry of `failures`. What concerns all of them still rejects. Default: reject at the first.
   */
  readonly keepGoing?: boolean | undefined;
  /** Also return each picture's latent as the transformer left it: normalised, so not what decode() takes. */
  readonly returnLatents?: boolean | undefined;
  /** Also return each picture as the decoder left it, before it is rounded to 8 bits. */
  readonly returnDecoded?: boolean | undefined;
  /** Draw a preview after every so many steps; 0 draws none. */
  readonly previewEvery?: number | undefined;
};

/** A picture as the decoder left it: float32 (3, height, width), about -1 to 1. */
export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** How often the transformer was asked for one picture. */
export interface Evaluations {
  /** Velocities with the prompt: one a step or more, as the solver needs them. */
  readonly evaluations: number;
  /** Of these, how many also needed one with the negative prompt: none at a guidance scale of 1. */
  readonly unconditionalEvaluations: number;
}

/** Seconds of each stage and the counts of `Evaluations`, summed over the pictures of one result. */
export type Timings = Readonly<Record<string, number>>;

/** A picture that could not be drawn, in a run that goes on without it. */
export interface FailedImage {
  readonly index: number;
  readonly seed: number;
  readonly prompt: string;
  readonly error: SvgT2IError;
}

/** `index` counts the pictures of a run from 0: all of the first prompt, then all of the second. */
export type GenerateEvent =
  | { readonly type: 'encode'; readonly index: number }
  | {
      readonly type: 'step';
      readonly index: number;
      /** From 1 to `steps`. */
      readonly step: number;
      readonly steps: number;
      /** 0 is noise, 1 the picture. */
      readonly t: number;
    }
  | { readonly type: 'preview'; readonly index: number; readonly step: number; readonly image: RgbImage }
  | { readonly type: 'decode'; readonly index: number }
  | { readonly type: 'image'; readonly index: number; readonly image: GeneratedImage }
  | ({ readonly type: 'failed' } & FailedImage)
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'done';
      /** Pictures that were drawn. */
      readonly images: number;
      /** Pictures that were not, where there are some. */
      readonly failed?: number;
      readonly timings: Timings;
    };

/** `load` comes from SvgT2I.load(), the others from stream(). */
export type LoadEvent = {
  readonly type: 'load';
  readonly part: string;
  /** Parts loaded before this one, and parts in all. */
  readonly done: number;
  readonly total: number;
};

export interface GenerateResult {
  readonly images: readonly GeneratedImage[];
  /** With `keepGoing`, the pictures that could not be drawn. */
  readonly failures: readonly FailedImage[];
  readonly warnings: readonly string[];
  readonly timings: Timings;
}

export interface Reconstruction {
  readonly image: RgbImage;
  /** Decibel against the picture that was encoded. */
  readonly psnr: number;
}

export interface SignalOptions {
  readonly signal?: AbortSignal | undefined;
}

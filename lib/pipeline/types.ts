/** What goes into a pipeline and what comes out. */
import type { SignalOptions } from '../abort.js';
import type { Settings } from '../config/settings.js';
import type { SvgT2IError } from '../errors.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { GeneratedImage } from './generated-image.js';

/** What `generate()` and `stream()` take: settings, the prompt or the class, and what only a program can give. */
export type GenerateRequest = RequestFields &
  ({ readonly prompt: string | readonly string[] } | { readonly class: Classes });

/** A class by its number or name, or several. */
export type Classes = number | string | readonly (number | string)[];

/** All that a request can hold; one of `prompt` and `class` is needed. */
export interface RequestFields extends Settings, SignalOptions {
  /** What to draw, in any language that the text encoder reads; a list draws `count` pictures of each. */
  readonly prompt?: string | readonly string[] | undefined;
  /**
   * What a class-conditional model draws, in place of a prompt: numbers, or names of the model's file of class names; a
   * list draws `count` pictures of each.
   */
  readonly class?: Classes | undefined;
  /**
   * Starting noise instead of the seed's: one array a picture in the order of their indices, each (channels, height,
   * width) with `pipe.models.dit.channels` and sides in cells of `pipe.models.autoencoder.cellPixels`. Default: drawn from the seed.
   */
  readonly noise?: readonly Float32Array[] | undefined;
  /** Draw only the pictures with these indices; the others exist already, say. Default: all. */
  readonly only?: readonly number[] | undefined;
  /**
   * Draw the others where a picture fails (numbers that are not finite, too little memory): it becomes a `failed` event
   * and an entry of `failures`. What concerns all of them still rejects. Default: false, reject at the first.
   */
  readonly keepGoing?: boolean | undefined;
  /** Also return each picture's latent as the transformer left it: normalised, so not what decode() takes. Default: false. */
  readonly returnLatents?: boolean | undefined;
  /** Also return each picture as the decoder left it, before it is rounded to 8 bits. Default: false. */
  readonly returnDecoded?: boolean | undefined;
  /** Draw a preview after every so many steps; 0 draws none. Default: 0. */
  readonly previewEvery?: number | undefined;
}

/** How often the transformer was asked. */
export interface Evaluations {
  /** Velocities with the prompt that it computed: one a step or more, as the solver needs them, less with a step cache. */
  readonly evaluations: number;
  /** Velocities with the negative prompt that it computed beside them: none at a guidance scale of 1. */
  readonly unconditionalEvaluations: number;
  /** Velocities of both kinds that the step cache gave in place of the transformer's layers. */
  readonly reusedEvaluations: number;
}

/**
 * Where the time of a run went, summed over its pictures. Of a run that was drawn together with others `sample` holds what
 * these did in between, and `model` the whole of the evaluations that they shared.
 */
export interface Timings extends Evaluations {
  /** Seconds in the text encoder. */
  readonly encode: number;
  /** Seconds in the solver, the transformer included. */
  readonly sample: number;
  /** Seconds of `sample` in the transformer itself. */
  readonly model: number;
  /** Seconds in the decoder. */
  readonly decode: number;
}

/** What `stream()` tells. `index` counts the pictures of a run from 0: all of the first prompt, then all of the second. */
export type GenerateEvent =
  | EncodeEvent
  | StepEvent
  | PreviewEvent
  | DecodeEvent
  | ImageEvent
  | FailedEvent
  | WarningEvent
  | DoneEvent;

/** The captions of a batch are encoded. */
export interface EncodeEvent {
  readonly type: 'encode';
  /** Of the batch's first picture. */
  readonly index: number;
}

/** A solver step is done. */
export interface StepEvent {
  readonly type: 'step';
  /** Of the first of the pictures that took it together: all of a batch, or one with an adaptive solver. */
  readonly index: number;
  /** From 1 to `steps`. */
  readonly step: number;
  /** Steps in all; 0 with an adaptive solver, which does not know. */
  readonly steps: number;
  /** 0 is noise, 1 the picture. */
  readonly t: number;
}

/** A picture on its way, where the request has `previewEvery`. */
export interface PreviewEvent {
  readonly type: 'preview';
  /** Of the picture. */
  readonly index: number;
  /** After how many steps. */
  readonly step: number;
  /** `encodeImage()` makes a file of it. */
  readonly image: RgbImage;
}

/** A picture is decoded. */
export interface DecodeEvent {
  readonly type: 'decode';
  /** Of the picture. */
  readonly index: number;
}

/** A picture is done. */
export interface ImageEvent {
  readonly type: 'image';
  /** Of the picture. */
  readonly index: number;
  /** Its pixels and parameters. */
  readonly image: GeneratedImage;
}

/** A picture that could not be drawn, in a run that goes on without it. */
export interface FailedImage {
  /** Its number in the run, from 0. */
  readonly index: number;
  /** Its own seed. */
  readonly seed: number;
  readonly prompt: string;
  /** Why. */
  readonly error: SvgT2IError;
}

/** A picture could not be drawn, and `keepGoing` draws the others. */
export interface FailedEvent extends FailedImage {
  readonly type: 'failed';
}

/** Something that does not end the run, such as a prompt that is cut. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
}

/** The last event. */
export interface DoneEvent {
  readonly type: 'done';
  /** Pictures that were drawn. */
  readonly images: number;
  /** Pictures that were not, where there are some. */
  readonly failed?: number;
  /** Where the time went. */
  readonly timings: Timings;
}

/** What `generate()` returns. */
export interface GenerateResult {
  /** In the order of their indices. */
  readonly images: readonly GeneratedImage[];
  /** Pictures that could not be drawn, where the request has `keepGoing`. */
  readonly failures: readonly FailedImage[];
  /** Remarks, such as a prompt that was cut. */
  readonly warnings: readonly string[];
  /** Where the time went. */
  readonly timings: Timings;
}

/** A picture that went to features and back. */
export interface Reconstruction {
  /** As decoded. */
  readonly image: RgbImage;
  /** Peak signal-to-noise ratio in dB against the picture that was encoded; Infinity where they are equal. */
  readonly psnr: number;
}

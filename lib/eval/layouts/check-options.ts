/** What every check of a scorer's folder is told. */
import type { SignalOptions } from '../../abort.js';

export interface CheckOptions<Prompt> extends SignalOptions {
  /** The benchmark's list; without it nobody can tell whether a prompt is missing. */
  readonly prompts?: readonly Prompt[] | undefined;
  readonly imagesPerPrompt: number;
  /** Pixels a side of each picture, where they are held to it. */
  readonly resolution?: number | undefined;
  /** Called for each picture that was looked at. */
  readonly onLooked?: (() => void) | undefined;
}

/** Said where no list was given. */
export const NO_LIST =
  'no list of prompts was given (--prompts): whether one is missing, or is another, cannot be told';

/** Of a picture that must have so many pixels a side. */
export function sizeFault(
  { width, height }: { readonly width: number; readonly height: number },
  resolution: number | undefined,
): string | undefined {
  if (resolution === undefined || (width === resolution && height === resolution)) return undefined;
  return `the picture has ${width}x${height} pixels, not ${resolution}x${resolution}`;
}

/** A prompt for a message: in quotes, on one line. */
export function shortened(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/** Draws files of pictures with one model in this process, and writes each when all of its pictures are there. */
import type { ResolvedModelOptions } from '../../config/model.js';
import type { Settings } from '../../config/settings.js';
import { SvgT2IError } from '../../errors.js';
import type { WarningEvent } from '../../pipeline/types.js';
import { SvgT2I } from '../../pipeline.js';
import type { FoundRelease } from '../../release/found-release.js';
import type { LoadEvent, ModelPart } from '../../release/types.js';
import { type FileEvent, FileWriter, type WrittenFiles } from './file-writer.js';

/** All that a process needs to draw; JSON, so that it can be another one. */
export interface DrawJob extends WrittenFiles {
  readonly model: ResolvedModelOptions;
  /** As they are asked of the loaded model, with count, seed and seedMode. */
  readonly settings: Settings;
  /** `count` pictures of each. */
  readonly subjects: { readonly prompt: readonly string[] } | { readonly class: readonly number[] };
  /** What the pictures that are there were computed in. */
  readonly dtype?: string | undefined;
}

/** Where and in what the models compute. */
export interface DrawnIn {
  readonly device: string;
  readonly dtype: string;
  /** Of a process on a CPU; null where libtorch chooses. */
  readonly threads: number | null;
}

export type DrawEvent =
  | LoadEvent
  | WarningEvent
  /** `index` of the picture. */
  | { readonly type: 'step'; readonly index: number; readonly step: number; readonly steps: number }
  | FileEvent;

export interface DrawHow {
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: DrawEvent) => void;
  /** Called once the models are loaded; what it has to do is done before the first picture is drawn. */
  readonly onLoaded: (drawnIn: DrawnIn) => Promise<void>;
}

/** Of a model that reads no text. */
export const CLASS_PARTS: readonly ModelPart[] = ['dit', 'autoencoder'];
/** Where so many fail before one is drawn, it is not the pictures. */
const MAX_FAILED_AT_FIRST = 10;

/**
 * Draws and writes; a picture that fails is told of, and the others are drawn.
 *
 * @throws SvgT2IError what loading and drawing throws; ERR_SVGT2I_RUN_FOLDER where the earlier pictures are of another
 *   precision; or the signal's reason
 */
export async function drawFiles(
  found: FoundRelease<ResolvedModelOptions>,
  job: DrawJob,
  { signal, onEvent, onLoaded }: DrawHow,
): Promise<void> {
  const { settings, subjects, files } = job;
  await using pipeline = await SvgT2I.loadFound(found, {
    ...('class' in subjects ? { parts: CLASS_PARTS } : {}),
    signal,
    onProgress: onEvent,
  });
  for (const message of pipeline.warnings) onEvent({ type: 'warning', message });
  const { device, dtype } = pipeline.models;
  if (job.dtype !== undefined && job.dtype !== dtype) throw otherDtype(job.dtype, dtype);
  await onLoaded({ device, dtype, threads: found.options.threads ?? null });
  const writer = new FileWriter(job, onEvent);
  const only = files.flatMap(({ pictures }) => pictures);
  const request = { ...settings, ...subjects, only, keepGoing: true, signal };
  let [drawn, failed] = [0, 0];
  for await (const event of pipeline.stream(request)) {
    if (event.type === 'warning') onEvent(event);
    else if (event.type === 'step') {
      const { index, step, steps } = event;
      onEvent({ type: 'step', index, step, steps });
    } else if (event.type === 'image') {
      drawn++;
      await writer.drawn(event.image);
    } else if (event.type === 'failed') {
      failed++;
      if (drawn === 0 && failed >= MAX_FAILED_AT_FIRST) throw event.error;
      const { index, seed, prompt, error } = event;
      writer.failed({ index, seed, prompt, error: error.toJSON() });
    }
  }
}

function otherDtype(before: string, now: string): SvgT2IError {
  const message = `the pictures that are there were drawn in ${before}, and this machine would go on in ${now}`;
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', message, {
    hint: `Pass --dtype ${before}, or choose another --out.`,
  });
}

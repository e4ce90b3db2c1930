/** Draws files of pictures with one model in this process, and writes each when all of its pictures are there. */
import { dirname, join } from 'node:path';
import type { ResolvedModelOptions } from '../../config/model.js';
import type { Settings } from '../../config/settings.js';
import { type ErrorJson, SvgT2IError } from '../../errors.js';
import { makeFolder, replaceFile } from '../../files.js';
import { encodeImage } from '../../image/encode.js';
import { gridImage } from '../../image/grid.js';
import type { GeneratedImage } from '../../pipeline/generated-image.js';
import { gridMetadata } from '../../pipeline/grid-metadata.js';
import type { WarningEvent } from '../../pipeline/types.js';
import { SvgT2I } from '../../pipeline.js';
import type { FoundRelease } from '../../release/found-release.js';
import type { LoadEvent, ModelPart } from '../../release/types.js';
import type { PictureFile } from '../layouts/plan.js';

/** All that a process needs to draw; JSON, so that it can be another one. */
export interface DrawJob {
  readonly model: ResolvedModelOptions;
  /** As they are asked of the loaded model, with count, seed and seedMode. */
  readonly settings: Settings;
  /** `count` pictures of each. */
  readonly subjects: { readonly prompt: readonly string[] } | { readonly class: readonly number[] };
  readonly files: readonly PictureFile[];
  /** That the paths of files start at, absolute. */
  readonly folder: string;
  /** For what is half written, absolute. */
  readonly parts: string;
  /** What the pictures that are there were computed in. */
  readonly dtype?: string | undefined;
}

/** A file that is not there, since a picture of it could not be drawn. */
export interface FailedFile {
  readonly path: string;
  /** Of the picture. */
  readonly index: number;
  readonly seed: number;
  readonly prompt: string;
  readonly error: ErrorJson;
}

export type DrawEvent =
  | LoadEvent
  | WarningEvent
  | { readonly type: 'loaded'; readonly device: string; readonly dtype: string }
  /** `index` of the picture. */
  | { readonly type: 'step'; readonly index: number; readonly step: number; readonly steps: number }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly pictures: readonly number[];
      readonly prompt: string;
      readonly seed: number;
    }
  | ({ readonly type: 'failed' } & FailedFile);

export interface DrawHow {
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: DrawEvent) => void;
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
  { signal, onEvent }: DrawHow,
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
  onEvent({ type: 'loaded', device, dtype });
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

/** Holds the pictures of files that are not whole. */
class FileWriter {
  readonly #job: DrawJob;
  readonly #onEvent: DrawHow['onEvent'];
  readonly #fileOf: ReadonlyMap<number, PictureFile>;
  readonly #waiting = new Map<PictureFile, GeneratedImage[]>();
  readonly #lost = new Set<PictureFile>();

  constructor(job: DrawJob, onEvent: DrawHow['onEvent']) {
    this.#job = job;
    this.#onEvent = onEvent;
    this.#fileOf = new Map(job.files.flatMap((file) => file.pictures.map((index) => [index, file])));
  }

  async drawn(image: GeneratedImage): Promise<void> {
    const file = this.#fileOf.get(image.index);
    if (file === undefined || this.#lost.has(file)) return;
    const images = [...(this.#waiting.get(file) ?? []), image];
    this.#waiting.set(file, images);
    if (images.length < file.pictures.length) return;
    this.#waiting.delete(file);
    const { folder, parts } = this.#job;
    const path = join(folder, file.path);
    await makeFolder(dirname(path));
    await replaceFile(path, [await bytesOf(images)], { isDurable: true, partIn: parts });
    const [{ prompt, seed }] = images as [GeneratedImage];
    this.#onEvent({ type: 'file', path: file.path, pictures: file.pictures, prompt, seed });
  }

  /** The file is lost with it; of a grid one error is told. */
  failed(failure: Omit<FailedFile, 'path'>): void {
    const file = this.#fileOf.get(failure.index);
    if (file === undefined || this.#lost.has(file)) return;
    this.#lost.add(file);
    this.#waiting.delete(file);
    this.#onEvent({ type: 'failed', path: file.path, ...failure });
  }
}

/** One picture as it is, more as a grid of two columns without gaps; lossless, with the parameters of each. */
async function bytesOf(images: readonly GeneratedImage[]): Promise<Uint8Array> {
  const inOrder = [...images].sort((a, b) => a.index - b.index);
  const [first] = inOrder;
  if (first !== undefined && inOrder.length === 1) return first.png();
  const parameters = gridMetadata(inOrder.map(({ metadata }) => metadata));
  return encodeImage(gridImage(inOrder, { columns: 2 }), { format: 'png', parameters });
}

function otherDtype(before: string, now: string): SvgT2IError {
  const message = `the pictures that are there were drawn in ${before}, and this machine would go on in ${now}`;
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', message, {
    hint: `Pass --dtype ${before}, or choose another --out.`,
  });
}

/**
 * The evaluations for TensorBoard: an event file in RUN/eval, which it shows as a run of its own beside the training.
 * Not in the run's folder: of several event files that lie together it reads on in the newest alone, so that one
 * writer's would hide the other's.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, SvgT2IError, systemErrorCode } from '../../errors.js';
import { encodeImage } from '../../image/encode.js';
import type { RgbImage } from '../../image/rgb-image.js';
import { EventWriter } from '../../train/tensorboard.js';
import type { CheckpointEvaluation } from './types.js';

const EVENT_FILE = /^events\.out\.tfevents\./;

/** Reads the grid of an evaluation; undefined where it is gone. */
export type GridReader = (evaluation: CheckpointEvaluation) => Promise<RgbImage | undefined>;

/** Opened anew with all that is known, so that what was cut off or measured again leaves no trace. */
export class EventFile {
  readonly #folder: string;
  #writer: EventWriter | undefined;
  #lastStep = Number.NEGATIVE_INFINITY;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What was written does not hold any more: a new file has `all`. */
  async rewrite(all: readonly CheckpointEvaluation[], readGrid: GridReader): Promise<void> {
    await this.#begin(all, readGrid);
  }

  /** As rewrite, with the next `add`. */
  async forget(): Promise<void> {
    await this.close();
  }

  /** `all` with `added` among them, in the order of their steps. */
  async add(
    added: CheckpointEvaluation,
    all: readonly CheckpointEvaluation[],
    readGrid: GridReader,
  ): Promise<void> {
    // Steps go up in a file; one that is caught up on makes a new one.
    if (this.#writer === undefined || added.step <= this.#lastStep) {
      await this.#begin(all, readGrid);
      return;
    }
    await this.#write(this.#writer, added, readGrid);
  }

  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async #begin(all: readonly CheckpointEvaluation[], readGrid: GridReader): Promise<void> {
    await this.close();
    const earlier = await eventFiles(this.#folder);
    const writer = await EventWriter.create(this.#folder, 0);
    this.#writer = writer;
    for (const evaluation of all) await this.#write(writer, evaluation, readGrid);
    // Only now: a process that is killed before leaves both, of which the newer counts.
    for (const path of earlier) await removeFile(path);
  }

  async #write(writer: EventWriter, evaluation: CheckpointEvaluation, readGrid: GridReader): Promise<void> {
    const { step, values } = evaluation;
    const known = Object.entries(values).filter((entry): entry is [string, number] =>
      Number.isFinite(entry[1]),
    );
    if (known.length > 0)
      await writer.scalars(step, Object.fromEntries(known.map(([name, value]) => [`eval/${name}`, value])));
    const grid = await readGrid(evaluation);
    if (grid !== undefined) {
      const png = await encodeImage(grid, { format: 'png' });
      await writer.image(step, { tag: 'eval/grid', width: grid.width, height: grid.height, png });
    }
    this.#lastStep = step;
  }
}

async function eventFiles(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => EVENT_FILE.test(name)).map((name) => join(folder, name));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'read', folder);
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw SvgT2IError.isInstance(error) ? error : fileError(error, 'remove', path);
  }
}

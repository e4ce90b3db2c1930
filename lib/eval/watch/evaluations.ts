/**
 * What was found out of a run's checkpoints: RUN/eval.jsonl, a line an evaluation. Its one writer is the process that
 * holds the lock of RUN/eval; the run itself never touches it, so neither can lose a line of the other's.
 */
import { appendFile } from 'node:fs/promises';
import { z } from 'zod';
import { fileError, SvgT2IError } from '../../errors.js';
import { writeDurably } from '../../files.js';
import { readText } from '../../regular-file.js';
import { withoutInfinity } from '../json-number.js';
import type { CheckpointEvaluation } from './types.js';

const MAX_BYTES = 256 * 1024 * 1024;

/** As json-number.ts writes what JSON has no number for. */
const numberSchema = z.union([
  z.number(),
  z.null(),
  z.literal('inf').transform(() => Number.POSITIVE_INFINITY),
  z.literal('-inf').transform(() => Number.NEGATIVE_INFINITY),
]);

const lineSchema: z.ZodType<CheckpointEvaluation, unknown> = z.object({
  step: z.number().int().nonnegative(),
  checkpoint: z.string().min(1),
  set: z.string().min(1),
  trained: z.string().nullable(),
  values: z.record(z.string(), numberSchema),
  grid: z.string().optional(),
  seconds: z.number().nonnegative(),
  time: z.string(),
});

type Place = Pick<CheckpointEvaluation, 'step' | 'set'>;

const keyOf = ({ step, set }: Place) => `${step} ${set}`;

export class EvaluationFile {
  readonly #path: string;
  #lines: Map<string, CheckpointEvaluation>;

  private constructor(path: string, lines: Map<string, CheckpointEvaluation>) {
    this.#path = path;
    this.#lines = lines;
  }

  /** What lies there goes on. A torn line, of a process that was killed, is left out. */
  static async open(path: string): Promise<EvaluationFile> {
    const { lines, isWhole } = await readLines(path);
    const file = new EvaluationFile(path, lines);
    // What is appended next would become part of the torn line.
    if (!isWhole) await file.#rewrite();
    return file;
  }

  /** In the order of their steps. */
  get lines(): readonly CheckpointEvaluation[] {
    return [...this.#lines.values()].sort((a, b) => a.step - b.step);
  }

  get(place: Place): CheckpointEvaluation | undefined {
    return this.#lines.get(keyOf(place));
  }

  /** @throws SvgT2IError ERR_SVGT2I_IO, ERR_SVGT2I_DISK_FULL */
  async add(evaluation: CheckpointEvaluation): Promise<void> {
    const isNew = this.get(evaluation) === undefined;
    this.#lines.set(keyOf(evaluation), evaluation);
    if (!isNew) return await this.#rewrite();
    try {
      await appendFile(this.#path, textOf(evaluation));
    } catch (error) {
      // A part of it may lie there.
      this.#lines.delete(keyOf(evaluation));
      throw fileError(error, 'write', this.#path);
    }
  }

  /** Keeps what `isCurrent` says; returns what is gone. */
  async cut(
    isCurrent: (evaluation: CheckpointEvaluation) => boolean,
  ): Promise<readonly CheckpointEvaluation[]> {
    const gone = this.lines.filter((line) => !isCurrent(line));
    if (gone.length === 0) return [];
    for (const line of gone) this.#lines.delete(keyOf(line));
    await this.#rewrite();
    return gone;
  }

  async #rewrite(): Promise<void> {
    await writeDurably(this.#path, this.lines.map(textOf).join(''));
  }
}

function textOf(evaluation: CheckpointEvaluation): string {
  return `${JSON.stringify(evaluation, withoutInfinity)}\n`;
}

/** Of a step and set the last line counts. */
async function readLines(
  path: string,
): Promise<{ readonly lines: Map<string, CheckpointEvaluation>; readonly isWhole: boolean }> {
  const lines = new Map<string, CheckpointEvaluation>();
  let text: string;
  try {
    text = await readText(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FILE_NOT_FOUND')
      return { lines, isWhole: true };
    throw error;
  }
  let isWhole = text === '' || text.endsWith('\n');
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const parsed = parseLine(line);
    if (parsed === undefined) isWhole = false;
    else lines.set(keyOf(parsed), parsed);
  }
  return { lines, isWhole };
}

function parseLine(line: string): CheckpointEvaluation | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

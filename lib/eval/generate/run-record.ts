/** `run.json`: everything that is needed to draw a run again, and who has drawn at it when. */
import { arch, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { readOptionalFile } from '../../config/optional-file.js';
import { validate } from '../../config/validate.js';
import { firstLine, SvgT2IError } from '../../errors.js';
import { writeDurably } from '../../files.js';
import { PACKAGE_VERSION } from '../../version.js';
import type { DrawnIn } from './draw-files.js';
import { type WeightsFile, weightsFileSchema } from './weights.js';

export const RUN_FILE = 'run.json';

const sessionSchema = z.looseObject({ started: z.string(), ended: z.string().nullable() });

const recordSchema = z.looseObject({
  format: z.literal(1),
  kind: z.string(),
  software: z.string(),
  decides: z.record(z.string(), z.unknown()),
  weights: z.array(weightsFileSchema),
  drawnIn: z.looseObject({ device: z.string(), dtype: z.string() }).nullable(),
  sessions: z.array(sessionSchema),
});

/** One process of ours that drew at a run. */
export interface Session {
  readonly started: string;
  /** Null while it draws, and of one that was killed. */
  readonly ended: string | null;
  readonly processes: number;
  readonly machine: Machine;
  /** Files that it wrote, and that it could not. */
  readonly drawn?: number;
  readonly failed?: number;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
}

export interface RunRecord {
  readonly format: 1;
  readonly kind: string;
  readonly software: string;
  /** As it was typed; null where a program called. */
  readonly command: string | null;
  readonly started: string;
  /** When the last picture was there; null before. */
  readonly ended: string | null;
  /** What decides the pictures, a flat list: another value is another run. */
  readonly decides: Readonly<Record<string, unknown>>;
  /** More that one who repeats it wants: files of prompts, settings, paths. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly weights: readonly WeightsFile[];
  /** As the models were loaded; null before. */
  readonly drawnIn: DrawnIn | null;
  readonly sessions: readonly Session[];
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    platform: platform(),
    arch: arch(),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    node: process.version,
  };
}

export const SOFTWARE = `svg-t2i ${PACKAGE_VERSION}`;

/**
 * The record of a folder; undefined where there is none.
 *
 * @throws SvgT2IError ERR_SVGT2I_RUN_FOLDER for a file of that name that is none of ours
 */
export function readRunRecord(folder: string): RunRecord | undefined {
  const path = join(folder, RUN_FILE);
  return readOptionalFile(path, (text) => {
    try {
      return validate(recordSchema, JSON.parse(text));
    } catch (error) {
      const message = `${path} is no record of a run: ${firstLine(error)}`;
      throw new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', message, {
        hint: 'Choose another --out, or remove the file.',
        cause: error,
      });
    }
  }) as RunRecord | undefined;
}

export function writeRunRecord(folder: string, record: RunRecord): Promise<void> {
  return writeDurably(join(folder, RUN_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/** What differs between two runs, each as "steps was 50 and is 20". */
export function decisiveDifferences(
  before: RunRecord['decides'],
  now: RunRecord['decides'],
): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.flatMap((name) => {
    const [was, is] = [before[name], now[name]].map((value) => JSON.stringify(value ?? null));
    return was === is ? [] : [`${name} was ${was} and is ${is}`];
  });
}

/**
 * Checkpoints: folders step-NNNNNNNN that appear whole or not at all. Every process writes its files into
 * step-NNNNNNNN.tmp; when all have reached the disk, state.json with their hashes is added and the folder renamed.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fileError, firstLine, SvgT2IError, systemErrorCode } from '../errors.js';
import { hashFile, makeFolder, sync, writeDurably } from '../files.js';
import type { Ranks } from '../processes/ranks.js';
import { readText } from '../regular-file.js';
import { PACKAGE_VERSION } from '../version.js';

const STATE_NAME = 'state.json';
const MAX_STATE_BYTES = 64 * 1024 * 1024;
const NAME = /^step-(\d{8,})$/;
/** What the engine's `train-save` writes: number of the process, and of how many. */
const RANK_FILE = /^rank-(\d{5})-of-(\d{5})\.safetensors$/;

const fileSchema = z.object({
  path: z.string().regex(RANK_FILE),
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const stateSchema = z.object({
  version: z.literal(1),
  stage: z.string(),
  /** Optimiser steps done; the next sample is number step * globalBatch. */
  step: z.number().int().nonnegative(),
  globalBatch: z.number().int().positive(),
  worldSize: z.number().int().positive(),
  configHash: z.string(),
  /** Values that decide what the run computes, as JSON texts. */
  config: z.record(z.string(), z.string()),
  writtenBy: z.string(),
  files: z.array(fileSchema).min(1),
});

export type CheckpointState = z.output<typeof stateSchema>;
type CheckpointFile = z.output<typeof fileSchema>;

export interface FoundCheckpoint {
  readonly folder: string;
  readonly state: CheckpointState;
}

/** Puts a verified checkpoint into the engine: its listed files and no others. */
export function restoreRequest({ folder, state }: FoundCheckpoint): {
  readonly folder: string;
  readonly files: readonly string[];
} {
  return { folder, files: state.files.map(({ path }) => path) };
}

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

export interface WriteCheckpointOptions {
  /** The run's folder of checkpoints. */
  readonly folder: string;
  readonly state: Pick<CheckpointState, 'stage' | 'step' | 'globalBatch' | 'configHash' | 'config'>;
  readonly ranks: Ranks;
  /** Throws where the folder is another process's by now. */
  readonly checkLock: () => Promise<void>;
  /** Writes this process's files to a folder and returns their names. */
  readonly write: (folder: string) => Promise<readonly string[]>;
}

/** Called by all processes. A failure, such as a full disk, leaves earlier checkpoints as they are. */
export async function writeCheckpoint(options: WriteCheckpointOptions): Promise<string> {
  const { folder, state, ranks, checkLock, write } = options;
  const final = join(folder, checkpointName(state.step));
  const unfinished = `${final}.tmp`;
  try {
    await checkLock();
    if (ranks.isFirst) {
      await rm(unfinished, { recursive: true, force: true });
      await makeFolder(unfinished);
    }
    await ranks.barrier({ patient: true });
    const names = await write(unfinished);
    const files = await Promise.all(names.map((name) => settle(unfinished, name)));
    const { rank, worldSize } = ranks.place;
    if (!ranks.isFirst) await writeDurably(join(unfinished, listName(rank)), JSON.stringify(files));
    await ranks.barrier({ patient: true });
    if (ranks.isFirst) {
      await checkLock();
      const all = [...files, ...(await othersFiles(unfinished, worldSize))];
      const whole: CheckpointState = {
        version: 1,
        ...state,
        worldSize,
        writtenBy: `svg-t2i ${PACKAGE_VERSION}`,
        files: all,
      };
      await writeDurably(join(unfinished, STATE_NAME), `${JSON.stringify(whole, null, 1)}\n`);
      await replaceFolder(unfinished, final);
      await sync(folder);
    }
    await ranks.barrier({ patient: true });
    return final;
  } catch (error) {
    await checkLock();
    if (ranks.isFirst) await rm(unfinished, { recursive: true, force: true });
    throw fileError(error, 'save', final);
  }
}

async function settle(folder: string, name: string): Promise<CheckpointFile> {
  await sync(join(folder, name));
  return { path: name, ...(await hashFile(join(folder, name))) };
}

function listName(rank: number): string {
  return `rank-${String(rank).padStart(5, '0')}.files.json`;
}

async function othersFiles(folder: string, worldSize: number): Promise<readonly CheckpointFile[]> {
  const lists = await Promise.all(
    Array.from({ length: worldSize - 1 }, async (_, i) => {
      const path = join(folder, listName(i + 1));
      const list = z.array(fileSchema).parse(JSON.parse(await readFile(path, 'utf8')));
      await rm(path);
      return list;
    }),
  );
  return lists.flat();
}

/** A folder of that name can only be one that was not whole and has been skipped. */
async function replaceFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    await removeCheckpoint(to);
    await rename(from, to);
  }
}

/** Renamed before it is emptied, so that no half of it is ever taken for whole. */
async function removeCheckpoint(folder: string): Promise<void> {
  const aside = `${folder}.old.tmp`;
  await rm(aside, { recursive: true, force: true });
  await rename(folder, aside);
  await rm(aside, { recursive: true, force: true });
}

/** Steps that have a checkpoint, the newest first. */
export async function listCheckpoints(folder: string): Promise<readonly number[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'read', folder);
  }
  const steps = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
  return steps.sort((a, b) => b - a);
}

/**
 * The newest checkpoint whose files have the size and hash that they were written with; undefined where there is none
 * at all.
 * `onWarning` is told of those that were skipped, and of files that nobody has listed.
 *
 * @throws SvgT2IError ERR_SVGT2I_CHECKPOINT where there are some, but none is whole
 */
export async function findCheckpoint(
  folder: string,
  onWarning: (message: string) => void = () => undefined,
): Promise<FoundCheckpoint | undefined> {
  const reasons: string[] = [];
  const steps = await listCheckpoints(folder);
  for (const step of steps) {
    const path = join(folder, checkpointName(step));
    try {
      const state = await verifyCheckpoint(path, step);
      const strangers = await unlistedFiles(path, state);
      if (strangers.length > 0)
        onWarning(`not read, since ${path} does not list them: ${strangers.join(', ')}`);
      return { folder: path, state };
    } catch (error) {
      const reason = firstLine(error);
      reasons.push(reason);
      onWarning(`skipped: ${reason}`);
    }
  }
  if (steps.length === 0) return undefined;
  throw new SvgT2IError(
    'ERR_SVGT2I_CHECKPOINT',
    `no checkpoint in ${folder} is whole: ${reasons.join('; ')}`,
    {
      hint: 'Start a new run, with initFrom set to an exported model where there is one.',
    },
  );
}

/**
 * Holds a checkpoint's folder, which is that of `step`, against its own list.
 *
 * @throws SvgT2IError ERR_SVGT2I_CHECKPOINT saying which file is missing or damaged
 */
export async function verifyCheckpoint(folder: string, step: number): Promise<CheckpointState> {
  const { state } = await readCheckpointState(folder, step);
  for (const file of state.files) {
    const path = join(folder, file.path);
    const { bytes, sha256 } = await hashFile(path);
    if (bytes !== file.bytes) {
      throw new SvgT2IError('ERR_SVGT2I_CHECKPOINT', `${path} has ${bytes} bytes, not ${file.bytes}`);
    }
    if (sha256 !== file.sha256) {
      throw new SvgT2IError('ERR_SVGT2I_CHECKPOINT', `${path} is damaged: its SHA-256 is another`);
    }
  }
  return state;
}

/**
 * What a checkpoint says of itself, its files not looked at; `digest` is another one for any other weights.
 *
 * @throws SvgT2IError ERR_SVGT2I_CHECKPOINT where that is missing or damaged
 */
export async function readCheckpointState(
  folder: string,
  step: number,
): Promise<{ readonly state: CheckpointState; readonly digest: string }> {
  const statePath = join(folder, STATE_NAME);
  let state: CheckpointState;
  let text: string;
  try {
    text = await readText(statePath, { maxBytes: MAX_STATE_BYTES });
    state = stateSchema.parse(JSON.parse(text));
  } catch (error) {
    const isMissing = SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FILE_NOT_FOUND';
    const reason = isMissing ? 'is missing' : 'is damaged';
    throw new SvgT2IError('ERR_SVGT2I_CHECKPOINT', `${statePath} ${reason}`, { cause: error });
  }
  checkList(statePath, state, step);
  return { state, digest: createHash('sha256').update(text).digest('hex') };
}

/** Every process wrote one file at most, and the first one always did. */
function checkList(statePath: string, { step, worldSize, files }: CheckpointState, folderStep: number): void {
  const refuse = (what: string): never => {
    throw new SvgT2IError('ERR_SVGT2I_CHECKPOINT', `${statePath} is damaged: ${what}`);
  };
  if (step !== folderStep) refuse(`it is of step ${step}`);
  const ranks = files.map(({ path }) => {
    const [, rank, world] = (RANK_FILE.exec(path) ?? []).map(Number);
    if (world !== worldSize) refuse(`${path} is not of a run of ${worldSize} processes`);
    return rank ?? 0;
  });
  if (new Set(ranks).size !== ranks.length) refuse('it lists a file twice');
  if (!ranks.includes(0)) refuse('the file of rank 0 is not listed');
  if (ranks.some((rank) => rank >= worldSize)) refuse(`it lists more than ${worldSize} processes`);
}

async function unlistedFiles(folder: string, { files }: CheckpointState): Promise<readonly string[]> {
  const listed = new Set([STATE_NAME, ...files.map(({ path }) => path)]);
  return (await readdir(folder)).filter((name) => !listed.has(name)).sort();
}

/**
 * Keeps the newest `keep` up to step `newest`, and removes what an interrupted save left. A failure is told, not thrown.
 * Later ones are damaged: they were skipped, and must not push out the one that was taken.
 */
export async function pruneCheckpoints(
  folder: string,
  options: { readonly keep: number; readonly newest: number; readonly onWarning: (message: string) => void },
): Promise<void> {
  const { keep, newest, onWarning } = options;
  try {
    for (const name of await readdir(folder)) {
      if (name.endsWith('.tmp')) await rm(join(folder, name), { recursive: true, force: true });
    }
    const steps = (await listCheckpoints(folder)).filter((step) => step <= newest);
    for (const step of steps.slice(keep)) {
      await removeCheckpoint(join(folder, checkpointName(step)));
    }
  } catch (error) {
    onWarning(`an old checkpoint could not be removed: ${firstLine(error)}`);
  }
}

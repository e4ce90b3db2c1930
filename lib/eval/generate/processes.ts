/** Draws files in several processes of this machine, each with its own GPU or its share of the cores. */
import { fileURLToPath } from 'node:url';
import { linkedController } from '../../abort.js';
import { type ErrorJson, SvgT2IError } from '../../errors.js';
import { launchRanks } from '../../processes/launch.js';
import { causeOfExitCode, StopRequest } from '../../stop.js';
import type { PictureFile } from '../layouts/plan.js';
import type { DrawEvent, DrawHow, DrawJob, DrawnIn } from './draw-files.js';

/** What a process tells, a line of JSON each. */
export type WorkerLine =
  | DrawEvent
  /** It waits for `Go`. */
  | ({ readonly type: 'loaded' } & DrawnIn)
  | ({ readonly type: 'error' } & ErrorJson);

/** Sent to a process that has loaded its models. */
export interface Go {
  readonly type: 'go';
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
/** Options of Node.js that belong to the script it was started with, and not to a file of ours; the first take a value. */
const OF_SCRIPT = /^(-e|-p|-pe|--eval|--print)$/;
const OF_PROCESS = /^--(input-type|inspect|watch|test|check)/;

/**
 * As drawFiles, with a share of the files for each process.
 *
 * @throws SvgT2IError the error of the first process that failed; ERR_SVGT2I_RANKS where one was killed; or the signal's
 *   reason
 */
export async function drawInProcesses(
  job: Omit<DrawJob, 'files'>,
  shares: readonly (readonly PictureFile[])[],
  { signal, onEvent, onLoaded }: DrawHow,
): Promise<void> {
  const errors = new Map<number, ErrorJson>();
  const warned = new Set<string>();
  const isNew = (message: string): boolean => !warned.has(message) && warned.add(message).has(message);
  const sends = new Map<number, (message: object) => void>();
  const either = linkedController(signal);
  let failure: unknown;
  const letGo = (rank: number, { type: _, ...drawnIn }: Extract<WorkerLine, { readonly type: 'loaded' }>) => {
    onLoaded(drawnIn).then(
      () => sends.get(rank)?.({ type: 'go' } satisfies Go),
      (error: unknown) => {
        failure ??= error;
        either.end();
      },
    );
  };
  const onLine = (rank: number, stream: 'stdout' | 'stderr', text: string): void => {
    const line = stream === 'stdout' ? lineOf(text) : undefined;
    if (line === undefined) onEvent({ type: 'warning', message: `process ${rank}: ${text}` });
    else if (line.type === 'error') errors.set(rank, line);
    else if (line.type === 'loaded') letGo(rank, line);
    // All of them load the same, and warn of much the same.
    else if (line.type === 'warning' ? isNew(line.message) : rank === 0 || line.type !== 'load')
      onEvent(line);
  };
  const { rank, exitCode } = await launchRanks({
    processes: shares.length,
    command: [process.execPath, ...ownOptions(process.execArgv), WORKER],
    env: process.env,
    onStart: (number, send) => {
      sends.set(number, send);
      send({ ...job, files: shares[number] ?? [] } satisfies DrawJob);
    },
    signal: either.signal,
    onLine,
    hint: 'The pictures that are done are kept: the same command goes on. SIGKILL often means that the memory of the machine ran out.',
  });
  if (failure !== undefined) throw failure;
  if (rank === undefined) return;
  signal?.throwIfAborted();
  const told = errors.get(rank) ?? [...errors.values()][0];
  if (told !== undefined) throw new SvgT2IError(told.code, told.message, told);
  const cause = causeOfExitCode(exitCode);
  throw cause === undefined
    ? new SvgT2IError('ERR_SVGT2I_RANKS', `process ${rank} ended with code ${exitCode}`)
    : new StopRequest(cause);
}

function lineOf(text: string): WorkerLine | undefined {
  if (!text.startsWith('{"type":')) return undefined;
  try {
    return JSON.parse(text) as WorkerLine;
  } catch (error) {
    // Half of a line, from a process that was killed.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function ownOptions(options: readonly string[]): readonly string[] {
  return options.filter((option, i) => {
    const before = options[i - 1] ?? '';
    return !OF_SCRIPT.test(option) && !OF_SCRIPT.test(before) && !OF_PROCESS.test(option);
  });
}

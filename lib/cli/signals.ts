/**
 * What stops a command: signals, and a reader of stdout that ends. The first asks the running job to stop within one step,
 * with everything saved; a second Ctrl-C or SIGTERM ends the process at once. The only listener to any of them.
 */
import inspector from 'node:inspector';
import { EXIT_CODES, fileError, systemErrorCode } from '../errors.js';
import { removeUnfinished } from '../files.js';
import { STOP_SIGNALS, type StopCause, StopRequest, stopExitCode } from '../stop.js';
import { note, printError } from './output.js';

/** Of these a second one is meant. The others come in pairs, as SIGHUP from a terminal and from its shell. */
const URGENT: ReadonlySet<StopCause> = new Set(['SIGINT', 'SIGTERM']);
/** npm passes on the Ctrl-C that the terminal has sent its child already. */
const SAME_KEY_MS = 250;

const reasons: Readonly<Record<StopCause, string>> = {
  SIGINT: '',
  SIGTERM: ': SIGTERM',
  SIGHUP: ': SIGHUP',
  SIGUSR1: ': SIGUSR1',
  SIGUSR2: ': SIGUSR2',
  SIGXCPU: ': SIGXCPU',
  SIGPIPE: ': nobody reads stdout any more, or it cannot be written',
};

interface Job {
  readonly controller: AbortController;
  readonly forcible: boolean;
  /** What the first signal is answered with, in place of the usual; empty: nothing. */
  readonly told: string | undefined;
}

let job: Job | undefined;
/** Whether the command is one whose work counts, though nobody may read about it. */
let hasJob = false;
let cause: StopCause | undefined;
let urgentSince: number | undefined;
let hasOutputFailed = false;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Gives the signals back to Node.js, unless one has come. */
  [Symbol.dispose](): void;
}

/** `forcible: false`: a second one is taken for the first by another way, as where a launcher passes on what all got. */
export function listenForInterrupt({
  forcible = true,
  told,
}: {
  readonly forcible?: boolean;
  readonly told?: string;
} = {}): Interrupt {
  const controller = new AbortController();
  const own: Job = { controller, forcible, told };
  job = own;
  hasJob = true;
  if (cause !== undefined) controller.abort(new StopRequest(cause));
  for (const name of STOP_SIGNALS) process.on(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      // On its way out: a second Ctrl-C still ends with the exit code of an interruption.
      if (controller.signal.aborted || job !== own) return;
      job = undefined;
      for (const name of STOP_SIGNALS) process.off(name, stop);
    },
  };
}

/** Called first of all in a process: what must not wait until a job listens. */
export function guardProcess(): void {
  // Without a listener of ours this one opens Node's debugger to every user of the machine.
  process.on('SIGUSR1', endWithoutJob);
  if (wasDebuggerOpenedBySignal()) endWithoutJob('SIGUSR1');
  process.stdout.on('error', (error: Error) => {
    const code = systemErrorCode(error);
    // EIO: the terminal is gone.
    if (code === 'EPIPE' || (code === 'EIO' && process.stdout.isTTY)) readerEnded();
    else outputFailed(error);
  });
  // Where nobody reads stderr, remarks are missed; the work goes on.
  process.stderr.on('error', () => undefined);
}

/** The same stop as of another process of the run: this one ends with its exit code. */
export function adoptStop(other: StopCause): void {
  cause ??= other;
}

/** The exit code of a command that would end with `code`: that of its stop, where it was stopped. */
export function exitCodeAfterStop(code: number): number {
  if (hasOutputFailed)
    return code === EXIT_CODES.interrupted || code === EXIT_CODES.ok ? EXIT_CODES.failure : code;
  if (cause === undefined) return code;
  // A result that nobody has read is no success.
  const isStopped = code === EXIT_CODES.interrupted || (cause === 'SIGPIPE' && code === EXIT_CODES.ok);
  return isStopped ? stopExitCode(cause) : code;
}

function stop(name: StopCause): void {
  if (job === undefined) return;
  if (cause === undefined) {
    cause = name;
    const usual = `stopping after this step${reasons[name]}${job.forcible ? ' (Ctrl-C again to quit at once)' : ''}`;
    const told = job.told ?? usual;
    if (told !== '') note(told);
    job.controller.abort(new StopRequest(name));
  }
  if (!URGENT.has(name)) return;
  const isSecond = urgentSince !== undefined && performance.now() - urgentSince >= SAME_KEY_MS;
  urgentSince ??= performance.now();
  if (!isSecond || !job.forcible) return;
  removeUnfinished();
  process.exit(stopExitCode(name));
}

function endWithoutJob(name: StopCause): void {
  if (job === undefined) process.exit(stopExitCode(name));
}

function readerEnded(): void {
  // `svg-t2i inspect ... | head -1` has read what it wanted.
  if (!hasJob) process.exit(EXIT_CODES.ok);
  if (job === undefined) process.exit(stopExitCode('SIGPIPE'));
  stop('SIGPIPE');
}

/** As on a full disk: what is lost there is no reason to lose the work as well. */
function outputFailed(error: Error): void {
  if (!hasOutputFailed) printError(fileError(error, 'write to', 'stdout'));
  hasOutputFailed = true;
  if (job === undefined) process.exit(EXIT_CODES.failure);
  stop('SIGPIPE');
}

/** While Node.js itself was starting. */
function wasDebuggerOpenedBySignal(): boolean {
  const isWanted = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((text) =>
    text.includes('--inspect'),
  );
  if (isWanted || inspector.url() === undefined) return false;
  inspector.close();
  return true;
}

/** What asks the work of a process to stop, and the exit codes that tell it. */
import { constants } from 'node:os';
import { SvgT2IError } from './errors.js';

/**
 * From people (INT), service managers (TERM), terminals that close (HUP) and schedulers before a time limit (USR1, USR2,
 * XCPU). PIPE stands for a stdout that nobody reads any more: Node.js reports that as an error of the stream.
 */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'] as const;
export type StopCause = (typeof STOP_SIGNALS)[number] | 'SIGPIPE';
export const STOP_CAUSES: readonly StopCause[] = [...STOP_SIGNALS, 'SIGPIPE'];

/** The reason of an AbortSignal that such a cause has aborted. */
export class StopRequest extends SvgT2IError {
  readonly stopCause: StopCause;

  constructor(stopCause: StopCause) {
    super('ERR_SVGT2I_CANCELLED', 'interrupted');
    this.stopCause = stopCause;
  }
}

/** 128 and the number of the signal, as a shell tells the end by it. */
export function stopExitCode(cause: StopCause): number {
  return 128 + constants.signals[cause];
}

/** The cause behind an exit code of stopExitCode; undefined for all others. */
export function causeOfExitCode(code: number): StopCause | undefined {
  return STOP_CAUSES.find((cause) => stopExitCode(cause) === code);
}

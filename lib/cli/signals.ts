/** Ctrl-C: the first asks the running job to stop within one step, the second ends the process at once. */
import { EXIT_CODES, SvgT2IError } from '../errors.js';
import { note } from './output.js';

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Runs (synchronously) before a forced exit, e.g. to remove a half-written file. */
  onForcedExit(cleanUp: () => void): void;
  /** Gives SIGINT and SIGTERM back to Node, unless one has come. */
  [Symbol.dispose](): void;
}

/** `forcible: false`: a second one is taken for the first by another way, as where a launcher passes on what all got. */
export function listenForInterrupt({ forcible = true } = {}): Interrupt {
  const controller = new AbortController();
  const cleanUps: (() => void)[] = [];
  const onSignal = () => {
    if (controller.signal.aborted) {
      if (!forcible) return;
      for (const cleanUp of cleanUps) cleanUp();
      process.exit(EXIT_CODES.interrupted);
    }
    note(`stopping after this step${forcible ? ' (Ctrl-C again to quit at once)' : ''}`);
    controller.abort(new SvgT2IError('ERR_SVGT2I_CANCELLED', 'interrupted'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    onForcedExit: (cleanUp) => cleanUps.push(cleanUp),
    [Symbol.dispose]: () => {
      // On its way out: a second Ctrl-C still ends with the exit code of an interruption.
      if (controller.signal.aborted) return;
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

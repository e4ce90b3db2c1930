/** Worker threads of this package: started whatever Node.js was started with, and told of in its own errors. */
import { Worker } from 'node:worker_threads';
import { firstLine, SvgT2IError, systemErrorCode } from './errors.js';

/**
 * A thread that runs a file of this package.
 *
 * @param name of the thread, as messages begin with it
 * @throws SvgT2IError where Node.js may not or cannot start one
 */
export function startThread(file: URL, name: string, workerData?: unknown): Worker {
  // Said of a script on the command line or on stdin, it makes Node.js refuse every file.
  const isOfText = process.execArgv.some((option) => option.startsWith('--input-type'));
  try {
    return new Worker(file, { workerData, ...(isOfText ? { execArgv: [] } : {}) });
  } catch (error) {
    throw threadError(error, name);
  }
}

/** What a thread died of. */
export function threadError(error: unknown, name: string): SvgT2IError {
  if (SvgT2IError.isInstance(error)) return error;
  switch (systemErrorCode(error)) {
    case 'ERR_WORKER_OUT_OF_MEMORY':
      return new SvgT2IError('ERR_SVGT2I_OUT_OF_MEMORY', `${name} ran out of memory`, {
        hint: 'Start Node.js with a larger --max-old-space-size, or end other programs.',
        cause: error,
      });
    case 'ERR_WORKER_INIT_FAILED':
      return new SvgT2IError(
        'ERR_SVGT2I_OUT_OF_MEMORY',
        `${name} could not be started: ${firstLine(error)}`,
        {
          hint: 'Raise the limit of threads (ulimit -u), or end other programs.',
          cause: error,
        },
      );
    case 'ERR_ACCESS_DENIED':
      return new SvgT2IError('ERR_SVGT2I_IO', `${name} may not be started: ${firstLine(error)}`, {
        hint: 'Start Node.js with --allow-worker, or without its permission model.',
        cause: error,
      });
    default:
      return new SvgT2IError('ERR_SVGT2I_INTERNAL', `${name} failed: ${firstLine(error)}`, { cause: error });
  }
}

/** A thread that ended although nobody asked it to. */
export function threadEnded(exitCode: number, name: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INTERNAL', `${name} ended with code ${exitCode}`);
}

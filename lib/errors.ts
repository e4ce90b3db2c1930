/**
 * The one error type of the package. `code` is stable; `message` is one line that says what is wrong with what;
 * `hint` says what to do about it.
 */
import { types } from 'node:util';

import { NATIVE_ERROR_CODES } from './facts.js';
import { printable } from './printable.js';

export { NATIVE_ERROR_CODES };

/** Codes that only the TypeScript layer raises. */
export const LIBRARY_ERROR_CODES = [
  'ERR_SVGT2I_USAGE', // a command line that makes no sense
  'ERR_SVGT2I_WEIGHTS_MISSING', // a part of the release that is not where it was looked for
  'ERR_SVGT2I_IMAGE', // a picture that cannot be decoded, or is refused for its size
  'ERR_SVGT2I_INCOMPLETE', // pictures of a list that could not be drawn, beside others that were
  'ERR_SVGT2I_DATA', // a dataset that nothing can be trained on
  'ERR_SVGT2I_RUN_FOLDER', // a run folder that is in use, or holds another run
  'ERR_SVGT2I_CHECKPOINT', // no checkpoint of a run, or none that is whole
  'ERR_SVGT2I_ADDON_MISSING', // the .node file is not built for this machine
  'ERR_SVGT2I_LIBTORCH_MISSING', // no libtorch was found
  'ERR_SVGT2I_TORCH_VERSION', // a libtorch that this package does not work with
  'ERR_SVGT2I_INSTALL', // libtorch could not be fetched or unpacked
  'ERR_SVGT2I_BUILD', // the addon could not be compiled
  'ERR_SVGT2I_FETCH', // a server that is not reached, breaks off, or sends something else than it should
  'ERR_SVGT2I_LISTEN', // a port or host that a server cannot listen at
  'ERR_SVGT2I_HUB_ACCESS', // weights that need a token, another token, or a licence that is accepted
  'ERR_SVGT2I_HUB_NOT_FOUND', // a repository, revision or file that the hub does not have
] as const;

/** Every stable code; README lists what their exit codes mean. */
export type ErrorCode = (typeof NATIVE_ERROR_CODES)[number] | (typeof LIBRARY_ERROR_CODES)[number];

export interface ErrorDetails {
  /** What the user can do about it, as a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Kind of the engine's job. */
  readonly job?: string | undefined;
}

// A registered symbol, so that two copies of the package in one process know each other's errors.
const marker: unique symbol = Symbol.for('svg-t2i.error');

/** What every error looks like in JSON. */
export interface ErrorJson {
  /** `SvgT2IError` or `DisposedError`. */
  readonly name: string;
  /** Stable. */
  readonly code: ErrorCode;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Kind of the engine's job that failed. */
  readonly job?: string;
}

/**
 * Everything that this package throws, but for the reason of an aborted signal and what a caller's own callback throws.
 *
 * @example
 * try {
 *   await SvgT2I.load({ pretrained: 'pre-trained' });
 * } catch (error) {
 *   if (SvgT2IError.isInstance(error)) console.error(error.code, error.message, error.hint);
 * }
 */
export class SvgT2IError extends Error {
  /** `SvgT2IError` or `DisposedError`. */
  declare readonly name: string;
  /** Stable: `ERR_SVGT2I_...`. */
  readonly code: ErrorCode;
  /** What to do about it, as a sentence; not every error has one. */
  declare readonly hint?: string;
  /** Kind of the engine's job that failed, e.g. `decode`; absent where none had begun. */
  declare readonly job?: string;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    // Paths and texts of files are in it, and whoever catches it may print it.
    super(printable(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    // Absent, not undefined: what is printed shows only what there is.
    if (details.hint !== undefined && details.hint !== '') this.hint = printable(details.hint);
    if (details.job !== undefined) this.job = details.job;
  }

  /** Whether a value is one of this package's errors, also of another copy of it or out of another realm (jest). */
  static isInstance(value: unknown): value is SvgT2IError {
    return typeof value === 'object' && value !== null && marker in value;
  }

  /** For JSON.stringify, which leaves the message of an error out. */
  toJSON(): ErrorJson {
    const { name, code, message, hint, job } = this;
    return {
      name,
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(job === undefined ? {} : { job }),
    };
  }
}

/** Rejects what runs or waits when `dispose()` is called, and every call after it. Its code is ERR_SVGT2I_DISPOSED. */
export class DisposedError extends SvgT2IError {
  constructor(what: string, details: Pick<ErrorDetails, 'job'> = {}) {
    super('ERR_SVGT2I_DISPOSED', `${what} was disposed and cannot be used any more`, {
      hint: 'Load it again with SvgT2I.load(), or dispose of it later.',
      ...details,
    });
  }
}

// On the prototypes, where neither printing nor spreading an error shows them.
for (const [errorClass, name] of [
  [SvgT2IError, 'SvgT2IError'],
  [DisposedError, 'DisposedError'],
] as const) {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}
Object.defineProperty(SvgT2IError.prototype, marker, { value: true });

/** Whether a value is an Error of any realm. */
export function isError(value: unknown): value is Error {
  if (types.isNativeError(value) || value instanceof Error) return true;
  return Object.prototype.toString.call(value) === '[object DOMException]';
}

/** Exit codes of the command line; `svg-t2i --help` prints this table. */
export const EXIT_CODES = {
  ok: 0,
  failure: 1,
  usage: 2,
  environment: 3,
  weights: 4,
  memory: 5,
  interrupted: 130,
} as const;

const exitCodeByErrorCode: Partial<Record<ErrorCode, number>> = {
  ERR_SVGT2I_USAGE: EXIT_CODES.usage,
  ERR_SVGT2I_INVALID_ARGUMENT: EXIT_CODES.usage,
  ERR_SVGT2I_INVALID_CONFIG: EXIT_CODES.usage,
  ERR_SVGT2I_ADDON_MISSING: EXIT_CODES.environment,
  ERR_SVGT2I_LIBTORCH_MISSING: EXIT_CODES.environment,
  ERR_SVGT2I_TORCH_VERSION: EXIT_CODES.environment,
  ERR_SVGT2I_INSTALL: EXIT_CODES.environment,
  ERR_SVGT2I_BUILD: EXIT_CODES.environment,
  ERR_SVGT2I_FETCH: EXIT_CODES.environment,
  ERR_SVGT2I_LISTEN: EXIT_CODES.environment,
  ERR_SVGT2I_DEVICE_UNAVAILABLE: EXIT_CODES.environment,
  ERR_SVGT2I_WEIGHTS_MISSING: EXIT_CODES.weights,
  ERR_SVGT2I_WEIGHTS_MISMATCH: EXIT_CODES.weights,
  ERR_SVGT2I_HUB_ACCESS: EXIT_CODES.weights,
  ERR_SVGT2I_HUB_NOT_FOUND: EXIT_CODES.weights,
  ERR_SVGT2I_OUT_OF_MEMORY: EXIT_CODES.memory,
  ERR_SVGT2I_CANCELLED: EXIT_CODES.interrupted,
};

/** The exit code that belongs to an error of any kind. */
export function exitCodeOf(error: unknown): number {
  if (SvgT2IError.isInstance(error)) return exitCodeByErrorCode[error.code] ?? EXIT_CODES.failure;
  if (isAbortError(error)) return EXIT_CODES.interrupted;
  return EXIT_CODES.failure;
}

/** What AbortController.abort() without a reason rejects with. */
export function isAbortError(error: unknown): boolean {
  return isError(error) && error.name === 'AbortError';
}

/** `code` of a Node.js system error such as ENOENT, or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** A failed file operation as a typed error that names the path and, where there is one, the fix. */
export function fileError(error: unknown, action: string, path: string): SvgT2IError {
  if (SvgT2IError.isInstance(error)) return error;
  switch (systemErrorCode(error)) {
    case 'ENOENT':
      return new SvgT2IError(
        'ERR_SVGT2I_FILE_NOT_FOUND',
        `cannot ${action} ${path}: no such file or folder`,
        {
          cause: error,
        },
      );
    case 'ENOTDIR':
      return new SvgT2IError(
        'ERR_SVGT2I_IO',
        `cannot ${action} ${path}: a part of the path is a file, not a folder`,
        { cause: error },
      );
    case 'EEXIST':
      return new SvgT2IError('ERR_SVGT2I_IO', `cannot ${action} ${path}: something of that name is there`, {
        cause: error,
      });
    case 'EISDIR':
      return new SvgT2IError('ERR_SVGT2I_IO', `cannot ${action} ${path}: it is a folder`, { cause: error });
    case 'ERR_INVALID_ARG_VALUE':
    case 'ERR_INVALID_ARG_TYPE':
      // Node.js refuses a path itself where it is none: not a text, or one with a NUL.
      return new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `cannot ${action} ${JSON.stringify(path)}: that is no path`,
        { cause: error },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new SvgT2IError(
        'ERR_SVGT2I_DISK_FULL',
        `cannot ${action} ${path}: no space left on the device`,
        {
          hint: 'Free some space or choose another output folder.',
          cause: error,
        },
      );
    case 'EMFILE':
    case 'ENFILE':
      return new SvgT2IError('ERR_SVGT2I_IO', `cannot ${action} ${path}: too many files are open`, {
        hint: 'Raise the limit of open files, for example: ulimit -n 4096',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new SvgT2IError('ERR_SVGT2I_IO', `cannot ${action} ${path}: permission denied`, {
        hint: 'Choose a path that you may write to, or change its permissions.',
        cause: error,
      });
    default:
      return new SvgT2IError('ERR_SVGT2I_IO', `cannot ${action} ${path}: ${firstLine(error)}`, {
        cause: error,
      });
  }
}

/**
 * Anything thrown, as a typed error where it is a system error that nobody has put into words: the call and the path are
 * all that is known then. Other errors stay as they are.
 */
export function typedError(error: unknown): unknown {
  const code = systemErrorCode(error);
  if (SvgT2IError.isInstance(error) || code === undefined || !(error instanceof Error)) return error;
  const { syscall, path, dest } = error as NodeJS.ErrnoException & { readonly dest?: unknown };
  if (syscall === 'uv_cwd') return workingFolderGone(error);
  const isOfPath = code.startsWith('ERR_INVALID_ARG_') && /null bytes/.test(error.message);
  if (syscall === undefined && !isOfPath) return error;
  const received = /Received ('.*')$/s.exec(error.message)?.[1] ?? 'a path';
  const places = [path, dest].filter((place): place is string => typeof place === 'string');
  return fileError(error, syscall ?? 'use', isOfPath ? received : places.join(' -> '));
}

/** Relative paths mean nothing there, and libtorch does not load. */
export function workingFolderGone(cause?: unknown): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_IO', 'the working folder of this process was removed', {
    hint: 'Go to a folder that exists (cd), and start again.',
    cause,
  });
}

const MAX_LINE = 500;

/** The first line of any thrown value's message; one that repeats a whole file's text is cut. */
export function firstLine(error: unknown): string {
  const text = (isError(error) ? error.message : String(error)).slice(0, MAX_LINE + 1);
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}...` : line;
}

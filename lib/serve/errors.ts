/** What a request to the server is refused or fails with: a status, and a body as OpenAI's clients read it. */
import { type ErrorCode, isAbortError, SvgT2IError } from '../errors.js';

/** The kind of an error, as OpenAI names them. */
export type ApiErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'rate_limit_error'
  | 'server_error';

/** What every answer of status 4xx and 5xx holds. */
export interface ApiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ApiErrorType;
    /** The field of the body that is wrong, in snake_case. */
    readonly param: string | null;
    /** Stable, in snake_case. */
    readonly code: string;
  };
}

export interface ApiErrorDetails {
  readonly param?: string | undefined;
  /** Seconds until a second try is worth it. */
  readonly retryAfterSeconds?: number | undefined;
  /** False: the same request fails the same way each time, whatever the status says. */
  readonly shouldRetry?: boolean | undefined;
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly cause?: unknown;
}

const MAX_RETRY_SECONDS = 60;
const LEAST_RETRY_MS = 50;

/** An error that an answer tells; the hint, where there is one, is the end of its message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly type: ApiErrorType;
  readonly param: string | null;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;
  readonly shouldRetry: boolean | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, details: ApiErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = status;
    this.code = code;
    this.type = typeOf(status);
    this.param = details.param ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.shouldRetry = details.shouldRetry;
    this.#headers = details.headers ?? {};
  }

  body(): ApiErrorBody {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }

  /** Clients wait as long as `Retry-After` says only up to a minute; some also read milliseconds. */
  headers(): Record<string, string> {
    const headers: Record<string, string> = { ...this.#headers };
    if (this.retryAfterSeconds !== undefined) {
      const seconds = Math.min(this.retryAfterSeconds, MAX_RETRY_SECONDS);
      headers['retry-after'] = String(Math.max(1, Math.ceil(seconds)));
      headers['retry-after-ms'] = String(Math.max(LEAST_RETRY_MS, Math.round(seconds * 1000)));
    }
    if (this.shouldRetry !== undefined) headers['x-should-retry'] = String(this.shouldRetry);
    return headers;
  }
}

function typeOf(status: number): ApiErrorType {
  if (status === 401 || status === 403) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

interface Answer {
  readonly status: number;
  readonly code: string;
}

/** Whose messages are about the request alone; those of all others may hold paths of this machine. */
const ABOUT_REQUEST: Partial<Record<ErrorCode, Answer>> = {
  ERR_SVGT2I_INVALID_ARGUMENT: { status: 400, code: 'invalid_value' },
  ERR_SVGT2I_INVALID_CONFIG: { status: 400, code: 'invalid_value' },
  // Not 5xx: clients would send again what fails the same way each time.
  ERR_SVGT2I_OUT_OF_MEMORY: { status: 422, code: 'out_of_memory' },
  ERR_SVGT2I_NUMERIC: { status: 422, code: 'not_finite' },
};

/** Settings that a body calls otherwise than in snake_case. */
const BODY_NAMES: Readonly<Record<string, string>> = {
  count: 'n',
  steps: 'num_inference_steps',
  width: 'size',
  height: 'size',
};

/** `guidanceScale` as a body writes it: `guidance_scale`. */
export function bodyName(setting: string): string {
  return BODY_NAMES[setting] ?? setting.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Anything thrown, as what is answered. What was a fault of ours keeps its text to itself: it is logged. */
export function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (SvgT2IError.isInstance(thrown)) {
    const answer = ABOUT_REQUEST[thrown.code];
    if (answer !== undefined) return aboutRequest(thrown, answer);
    if (thrown.code === 'ERR_SVGT2I_CANCELLED') return cancelled();
    if (thrown.code === 'ERR_SVGT2I_DISPOSED') return shuttingDown();
  }
  if (isAbortError(thrown)) return cancelled();
  const code = SvgT2IError.isInstance(thrown) ? thrown.code : 'ERR_SVGT2I_INTERNAL';
  return new ApiError(500, 'internal_error', `the server failed (${code}); its log says more`, {
    shouldRetry: false,
    cause: thrown,
  });
}

/** Messages of checks begin with the setting, or the key of the body: `guidanceScale: must be ...; n: must be ...`. */
const SETTING = /(^|; )([a-z][A-Za-z_]*)(?=: )/g;

function aboutRequest(error: SvgT2IError, { status, code }: Answer): ApiError {
  const [, , setting] = [...error.message.matchAll(SETTING)][0] ?? [];
  const message = error.message.replace(SETTING, (_, before: string, name: string) => {
    const inBody = bodyName(name);
    return `${before}${inBody === 'size' ? `size (${name})` : inBody}`;
  });
  const unknown = /^unknown key "([^"]+)"/.exec(message)?.[1];
  return new ApiError(
    status,
    unknown === undefined ? code : 'unknown_parameter',
    withHint(message, error.hint),
    {
      param: unknown ?? (setting === undefined ? undefined : bodyName(setting)),
      ...(status === 400 ? {} : { shouldRetry: false }),
      cause: error,
    },
  );
}

/** Hints speak to whoever typed a command: flags mean nothing here. */
function withHint(message: string, given: string | undefined): string {
  const hint = given?.replace(/ \(--[^)]*\)/g, '');
  if (hint === undefined || hint.includes('--')) return message;
  return `${message}${/[.!?]$/.test(message) ? '' : '.'} ${hint}`;
}

/** A job that somebody cancelled. 499 is sent again by no client. */
export function cancelled(): ApiError {
  return new ApiError(499, 'cancelled', 'the job was cancelled', { shouldRetry: false });
}

/** A caller that is not there any more; nobody reads it. */
export function left(cause?: unknown): ApiError {
  return new ApiError(499, 'caller_left', 'the caller left', { cause });
}

/** The server stops: what waits is not drawn any more. */
export function shuttingDown(): ApiError {
  return new ApiError(503, 'shutting_down', 'the server is shutting down', { retryAfterSeconds: 10 });
}

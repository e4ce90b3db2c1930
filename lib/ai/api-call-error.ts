/**
 * The error that the AI SDK's retries go by. It knows its errors by registered symbols, not by their class, so that none of
 * its packages is needed here. Source: vercel/ai, packages/provider/src/errors.
 */
const BASE_MARKER = Symbol.for('vercel.ai.error');
const CALL_MARKER = Symbol.for('vercel.ai.error.AI_APICallError');

/** As the AI SDK has it: 408, 409, 429 and 5xx may be tried again. */
function isWorthTrying(status: number | undefined): boolean {
  return status === undefined || status === 408 || status === 409 || status === 429 || status >= 500;
}

export interface ApiCallDetails {
  readonly url: string;
  readonly requestBodyValues: unknown;
  /** Undefined where no answer came. */
  readonly statusCode?: number | undefined;
  readonly responseHeaders?: Record<string, string> | undefined;
  readonly responseBody?: string | undefined;
  /** The server's own error, parsed. */
  readonly data?: unknown;
  readonly cause?: unknown;
  /** By the status where not given. */
  readonly isRetryable?: boolean;
}

export class ApiCallError extends Error {
  readonly url: string;
  readonly requestBodyValues: unknown;
  readonly statusCode: number | undefined;
  readonly responseHeaders: Record<string, string> | undefined;
  readonly responseBody: string | undefined;
  readonly isRetryable: boolean;
  readonly data: unknown;

  constructor(message: string, details: ApiCallDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'AI_APICallError';
    this.url = details.url;
    this.requestBodyValues = details.requestBodyValues;
    this.statusCode = details.statusCode;
    this.responseHeaders = details.responseHeaders;
    this.responseBody = details.responseBody;
    this.isRetryable = details.isRetryable ?? isWorthTrying(details.statusCode);
    this.data = details.data;
    for (const marker of [BASE_MARKER, CALL_MARKER]) Object.defineProperty(this, marker, { value: true });
  }
}

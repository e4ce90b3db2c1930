/** Tries again what a moment may mend: with longer and longer pauses, of random length, or as long as the server says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import { isError, systemErrorCode } from '../errors.js';

/** A failure that another try may not meet. */
export class Transient extends Error {
  /** As the server has asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Transient';
    this.retryAfterMs = options.retryAfterMs;
  }
}

export interface RetryPolicy {
  /** How often in a row nothing may come of a try. */
  readonly retries: number;
  /** The first pause is at most so long, each further one at most twice as long as the one before. */
  readonly baseMs: number;
  readonly mostMs: number;
  /** A server that asks for more is told of instead of waited for. */
  readonly mostRetryAfterMs: number;
}

export const PATIENT: RetryPolicy = { retries: 6, baseMs: 500, mostMs: 30_000, mostRetryAfterMs: 300_000 };

export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly signal?: AbortSignal | undefined;
  /** Before each pause. */
  readonly onRetry?: ((reason: string, waitMs: number) => void) | undefined;
}

/**
 * What `work` comes to. It calls `progressed` where bytes have come: a connection that is cut now and then is taken up
 * again for ever, one that brings nothing is not.
 *
 * @throws the last Transient once there were too many in a row, and everything else at once
 */
export async function withRetries<Result>(
  work: (progressed: () => void) => Promise<Result>,
  { policy, signal, onRetry }: RetryOptions,
): Promise<Result> {
  let failures = 0;
  for (;;) {
    throwIfAborted(signal);
    try {
      return await work(() => {
        failures = 0;
      });
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof Transient) || failures >= policy.retries) throw error;
      if ((error.retryAfterMs ?? 0) > policy.mostRetryAfterMs) throw error;
      const waitMs = error.retryAfterMs ?? pauseMs(failures, policy);
      failures += 1;
      onRetry?.(error.message, waitMs);
      await pause(waitMs, signal);
    }
  }
}

/** Random, so that many who were cut off together do not come back together. */
function pauseMs(failures: number, { baseMs, mostMs }: RetryPolicy): number {
  const most = Math.min(mostMs, baseMs * 2 ** failures);
  return most / 2 + (most / 2) * Math.random();
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

const BUSY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A status as a reason to try again; undefined for those that will not change. */
export function transientStatus(
  status: number,
  headers: Readonly<Record<string, string>>,
  host: string,
): Transient | undefined {
  if (!BUSY.has(status)) return undefined;
  const retryAfterMs = retryAfter(headers['retry-after']);
  const wait =
    retryAfterMs === undefined ? '' : `, and asks to come back in ${Math.ceil(retryAfterMs / 1000)} s`;
  const reason = status === 429 ? 'has had too many requests (HTTP 429)' : `answers HTTP ${status}`;
  return new Transient(`${host} ${reason}${wait}`, { retryAfterMs });
}

/** Seconds, or a date. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Another try would meet the same disk. */
export function isOfDisk(error: unknown): boolean {
  const code = systemErrorCode(error);
  return isError(error) && ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EACCES', 'EPERM'].includes(code ?? '');
}

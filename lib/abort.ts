/** Signals that callers bring: checked by what they can do, since a test runner's or a polyfill's is no class of ours. */
import { SvgT2IError } from './errors.js';

/** What a call can be given beside its subject. */
export interface SignalOptions {
  /**
   * Ends the call: one that runs at its next step, one that waits for its turn at once. The promise rejects with
   * `signal.reason`.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Whether a value can be listened to and asked as an AbortSignal. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const signal = value as Partial<Record<string, unknown>>;
  return (
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function'
  );
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for anything but a signal or nothing */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined || isAbortSignal(signal)) return;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `signal: ${SIGNAL_WANTED}`, { hint: SIGNAL_HINT });
}

export const SIGNAL_WANTED = 'must be an AbortSignal';
export const SIGNAL_HINT =
  'Pass `controller.signal` of an AbortController, or AbortSignal.timeout(milliseconds).';

/** What an aborted call rejects with. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}

/** Settles as `work`, or rejects with the signal's reason as soon as there is one; `work` itself goes on. */
export function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortReason(signal));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A signal that is aborted with `signal` as well, and when `end` is called, which also lets go of `signal`. */
export function linkedController(signal: AbortSignal | undefined): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const abort = () => controller.abort(signal === undefined ? undefined : abortReason(signal));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      signal?.removeEventListener('abort', abort);
      controller.abort();
    },
  };
}

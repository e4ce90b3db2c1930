/** The engine as an object with promises: one native thread, jobs in the order of their calls. */

import { DisposedError, firstLine, NATIVE_ERROR_CODES, SvgT2IError } from './errors.js';
import type { NativeEngine, NativeMessageKind, NativeTensors, RuntimeInfo } from './native/binding.js';
import { loadNative } from './native/load.js';

export interface EngineOptions {
  /** `cpu`, `cuda` or `cuda:N`. */
  readonly device?: string;
  /** Threads of one operation on the CPU; 0 or absent: as many as libtorch takes. */
  readonly threads?: number;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

export interface RunOptions<Event> {
  readonly tensors?: NativeTensors;
  /** Ends the job at its next step; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: Event, tensors: NativeTensors) => void) | undefined;
}

export interface JobResult<Value> {
  readonly value: Value;
  readonly tensors: NativeTensors;
}

interface PendingJob {
  readonly settle: (kind: NativeMessageKind, json: string, tensors: NativeTensors) => void;
}

export class Engine {
  readonly #native: NativeEngine;
  readonly #pending = new Map<number, PendingJob>();
  #nextJobId = 1;
  #disposal: Promise<void> | undefined;
  #reportStopped: (() => void) | undefined;

  private constructor(options: EngineOptions) {
    const { Engine: NativeEngineClass } = loadNative();
    this.#native = callNative(
      () =>
        new NativeEngineClass(JSON.stringify(options), (jobId, kind, json, tensors) => {
          if (kind === 'stopped') this.#reportStopped?.();
          else this.#pending.get(jobId)?.settle(kind, json, tensors);
        }),
    );
  }

  /** Throws SvgT2IError where libtorch, the addon or the device is missing. */
  static async create(options: EngineOptions = {}): Promise<Engine> {
    return new Engine(options);
  }

  get disposed(): boolean {
    return this.#disposal !== undefined;
  }

  /** Runs a job of native/engine/jobs.cpp. Rejects with SvgT2IError, or with `signal.reason` when aborted. */
  run<Value = JsonValue, Event = JsonValue>(
    kind: string,
    request: JsonValue = {},
    options: RunOptions<Event> = {},
  ): Promise<JobResult<Value>> {
    const { signal, onEvent } = options;
    return new Promise((resolve, reject) => {
      if (this.disposed) throw new DisposedError('The engine');
      signal?.throwIfAborted();
      const jobId = this.#nextJobId++;
      const cancel = () => this.#native.cancel(jobId);
      const finish = () => {
        this.#pending.delete(jobId);
        signal?.removeEventListener('abort', cancel);
      };
      let listenerFailed = false;
      const settle = (messageKind: NativeMessageKind, json: string, tensors: NativeTensors) => {
        if (messageKind === 'event') {
          if (listenerFailed) return;
          try {
            onEvent?.(JSON.parse(json) as Event, tensors);
          } catch (error) {
            // The promise settles now; the job itself is told to stop and its own end is ignored.
            listenerFailed = true;
            reject(error);
            cancel();
          }
          return;
        }
        finish();
        if (messageKind === 'result') resolve({ value: JSON.parse(json) as Value, tensors });
        else reject(signal?.aborted ? signal.reason : errorFromJson(json));
      };
      this.#pending.set(jobId, { settle });
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        callNative(() => this.#native.submit(jobId, kind, JSON.stringify(request), options.tensors ?? {}));
      } catch (error) {
        finish();
        reject(error);
      }
    });
  }

  /** Cancels what runs, ends the thread and frees the models. Later calls return the same promise. */
  dispose(): Promise<void> {
    this.#disposal ??= new Promise((resolve) => {
      this.#reportStopped = resolve;
      this.#native.dispose();
    });
    return this.#disposal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Versions, devices and what the processor can do. Loads libtorch. */
export function runtimeInfo(): RuntimeInfo {
  return JSON.parse(callNative(() => loadNative().info())) as RuntimeInfo;
}

function callNative<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw toSvgError(error);
  }
}

function errorFromJson(json: string): SvgT2IError {
  const { code, message, hint } = JSON.parse(json) as { code: string; message: string; hint: string };
  return new SvgT2IError(nativeCode(code), message, { hint });
}

// The addon throws plain errors with `code` and `hint`.
function toSvgError(error: unknown): unknown {
  if (SvgT2IError.isInstance(error) || !(error instanceof Error) || !('code' in error)) return error;
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  return new SvgT2IError(nativeCode(String(error.code)), firstLine(error), { hint, cause: error });
}

function nativeCode(code: string): (typeof NATIVE_ERROR_CODES)[number] {
  return NATIVE_ERROR_CODES.find((known) => known === code) ?? 'ERR_SVGT2I_INTERNAL';
}

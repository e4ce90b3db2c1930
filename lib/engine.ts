/**
 * The engine as an object with promises: one native thread, jobs in the order of their calls; those that draw are drawn
 * together.
 */

import { abortReason, checkSignal, throwIfAborted, untilAborted } from './abort.js';
import { callerFrames } from './caller.js';
import { DEFAULT_MAX_BATCH_TOKENS } from './config/batch-tokens.js';
import { DisposedError, firstLine, isError, NATIVE_ERROR_CODES, SvgT2IError } from './errors.js';
import type {
  NativeBinding,
  NativeEngine,
  NativeMessageHandler,
  NativeMessageKind,
  NativeTensors,
  RuntimeInfo,
} from './native/binding.js';
import type { JobEvent, JobKind, JobRequest, Jobs, JobValue } from './native/jobs.js';
import { loadNative, openNative } from './native/load.js';

export interface EngineOptions {
  /** `cpu`, `cuda`, `cuda:N`, or `auto`: a GPU where there is one. */
  readonly device?: string;
  /** Threads of one operation on the CPU; 0 or absent: as many as libtorch takes. */
  readonly threads?: number;
  /** Image tokens that are drawn at one time; a job that is alone may have more. */
  readonly maxBatchTokens?: number;
  /** By how much its threads give way to the others of this process, as `nice` counts it: 0 to 19. */
  readonly niceness?: number;
}

export interface EngineUse {
  /** Ends the wait for libtorch to be opened. */
  readonly signal?: AbortSignal | undefined;
  /** What messages call it once it was disposed, as the start of a sentence. */
  readonly owner?: string;
  /** Knows the jobs `sleep` and `read-tensors` too. */
  readonly forTests?: boolean;
}

export interface RunOptions<Kind extends JobKind> {
  readonly tensors?: Jobs[Kind]['tensors'];
  /** Ends a running job at its next step and a waiting one at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: JobEvent<Kind>, tensors: NativeTensors) => void) | undefined;
}

export interface JobResult<Kind extends JobKind> {
  readonly value: JobValue<Kind>;
  readonly tensors: Jobs[Kind]['results'];
}

type Settle = (kind: NativeMessageKind, json: string, tensors: NativeTensors) => void;

/** Where the addon's messages arrive. It must not lead to the engine: what the addon holds could never be collected. */
interface Mailbox {
  readonly pending: Map<number, Settle>;
  reportStopped: (() => void) | undefined;
}

export class Engine {
  readonly #native: NativeEngine;
  readonly #mailbox: Mailbox;
  readonly #owner: string;
  #nextJobId = 1;
  #disposal: Promise<void> | undefined;

  private constructor(binding: NativeBinding, options: Required<EngineOptions>, use: EngineUse) {
    const { owner = 'The engine', forTests = false } = use;
    const mailbox: Mailbox = { pending: new Map(), reportStopped: undefined };
    this.#native = callNative(
      () => new binding.Engine(JSON.stringify({ ...options, forTests }), deliverTo(mailbox)),
    );
    this.#mailbox = mailbox;
    this.#owner = owner;
  }

  /** Throws SvgT2IError where libtorch, the addon or the device is missing, or the reason of an aborted signal. */
  static async create(options: EngineOptions = {}, use: EngineUse = {}): Promise<Engine> {
    const {
      device: wanted = 'cpu',
      threads = 0,
      maxBatchTokens = DEFAULT_MAX_BATCH_TOKENS,
      niceness = 0,
    } = options;
    const binding = await untilAborted(openNative(), use.signal);
    const device = wanted === 'auto' ? deviceFor(wanted, infoOf(binding)) : wanted;
    return new Engine(binding, { device, threads, maxBatchTokens, niceness }, use);
  }

  get disposed(): boolean {
    return this.#disposal !== undefined;
  }

  /**
   * Runs a job (native/jobs.ts). Rejects with SvgT2IError, or with `signal.reason` when aborted: at once where the job
   * still waits, at its next check where it runs.
   */
  run<Kind extends JobKind>(
    kind: Kind,
    request: JobRequest<Kind>,
    options: RunOptions<Kind> = {},
  ): Promise<JobResult<Kind>> {
    const { signal, onEvent } = options;
    const failure = failureFrom(callerFrames(this.run), kind);
    return new Promise((resolve, reject) => {
      if (this.disposed) throw failure(new DisposedError(this.#owner));
      checkSignal(signal);
      throwIfAborted(signal);
      const jobId = this.#nextJobId++;
      const cancel = () => this.#native.cancel(jobId);
      const finish = () => {
        this.#mailbox.pending.delete(jobId);
        signal?.removeEventListener('abort', cancel);
      };
      let listenerFailed = false;
      const settle: Settle = (messageKind, json, tensors) => {
        if (messageKind === 'event') {
          if (listenerFailed || warnOfKernel(json)) return;
          try {
            onEvent?.(JSON.parse(json) as JobEvent<Kind>, tensors);
          } catch (error) {
            // The promise settles now; the job itself is told to stop and its own end is ignored.
            listenerFailed = true;
            reject(error);
            cancel();
          }
          return;
        }
        finish();
        if (messageKind === 'result') resolve({ value: JSON.parse(json) as JobValue<Kind>, tensors });
        else reject(signal?.aborted ? abortReason(signal) : failure(this.#errorOf(json, kind)));
      };
      this.#mailbox.pending.set(jobId, settle);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        callNative(() => this.#native.submit(jobId, kind, JSON.stringify(request), options.tensors ?? {}));
      } catch (error) {
        finish();
        reject(failure(error));
      }
    });
  }

  /** Rejects what runs and waits with DisposedError, ends the thread and frees the models. Later calls return the same promise. */
  dispose(): Promise<void> {
    this.#disposal ??= new Promise((resolve) => {
      this.#mailbox.reportStopped = resolve;
      this.#native.dispose();
    });
    return this.#disposal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #errorOf(json: string, job: string): SvgT2IError {
    const { code, message, hint } = JSON.parse(json) as { code: string; message: string; hint: string };
    if (code === 'ERR_SVGT2I_DISPOSED') return new DisposedError(this.#owner, { job });
    return new SvgT2IError(nativeCode(code), message, { hint, job });
  }
}

function deliverTo(mailbox: Mailbox): NativeMessageHandler {
  return (jobId, kind, json, tensors) => {
    if (kind === 'stopped') mailbox.reportStopped?.();
    else mailbox.pending.get(jobId)?.(kind, json, tensors);
  };
}

/** A GPU kernel that was found wrong is nobody's event: whoever uses the engine is told, once. */
function warnOfKernel(json: string): boolean {
  if (!json.startsWith('{"type":"kernel-fault"')) return false;
  const { operation, cause } = JSON.parse(json) as { readonly operation: string; readonly cause: string };
  process.emitWarning(
    `The GPU's kernel for "${operation}" is not used any more: ${cause}. Plain operations take its place, slower.`,
    {
      code: 'SVGT2I_KERNEL',
      detail: 'Please report this with the output of `svg-t2i info` and `svg-t2i doctor`.',
    },
  );
  return true;
}

/** Gives an error the stack of the call: it was made when the engine's answer came, where nobody called. */
function failureFrom(frames: () => string, job: string) {
  return (error: unknown): unknown => {
    if (!SvgT2IError.isInstance(error)) return error;
    error.stack = [`${error.name}: ${error.message}`, `    at engine job "${job}"`, frames()].join('\n');
    return error;
  };
}

/** Versions, devices and what the processor can do. Loads libtorch. */
export function runtimeInfo(): RuntimeInfo {
  return callNative(() => infoOf(loadNative()));
}

function infoOf(binding: Pick<NativeBinding, 'info'>): RuntimeInfo {
  return JSON.parse(binding.info()) as RuntimeInfo;
}

/** Where `auto` leads; other names stay. */
export function deviceFor(wanted: string, { cudaDevices }: Pick<RuntimeInfo, 'cudaDevices'>): string {
  if (wanted !== 'auto') return wanted;
  return cudaDevices > 0 ? 'cuda' : 'cpu';
}

function callNative<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw toSvgError(error);
  }
}

// The addon throws plain errors with `code` and `hint`.
function toSvgError(error: unknown): unknown {
  if (SvgT2IError.isInstance(error) || !isError(error) || !('code' in error)) return error;
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  return new SvgT2IError(nativeCode(String(error.code)), firstLine(error), { hint, cause: error });
}

function nativeCode(code: string): (typeof NATIVE_ERROR_CODES)[number] {
  return NATIVE_ERROR_CODES.find((known) => known === code) ?? 'ERR_SVGT2I_INTERNAL';
}

/** Engines without native code, typed by the real one's jobs: where these change, what is mocked does not compile. */
import type { Engine, JobResult, RunOptions } from '../../lib/engine.js';
import type { NativeTensors } from '../../lib/native/binding.js';
import type { JobKind, JobRequest } from '../../lib/native/jobs.js';

type Answer<Kind extends JobKind> = Partial<JobResult<Kind>>;

/** A job as a mock was given it. */
export type Call<Kind extends JobKind = JobKind> = {
  readonly [Each in Kind]: {
    readonly kind: Each;
    readonly request: JobRequest<Each>;
    readonly tensors: NativeTensors;
    readonly signal?: AbortSignal;
  };
}[Kind];

export function callsOfKind<Kind extends JobKind>(calls: readonly Call[], kind: Kind): readonly Call<Kind>[] {
  return calls.filter((call): call is Call<Kind> & Call => call.kind === kind);
}

/** What a mock says to the jobs that it knows. */
export type Answers = {
  readonly [Kind in JobKind]?: (
    request: JobRequest<Kind>,
    options: RunOptions<Kind>,
  ) => Answer<Kind> | Promise<Answer<Kind>>;
};

export class MockEngine implements Pick<Engine, 'run' | 'dispose' | 'disposed'> {
  disposed = false;
  readonly #answers: Answers;
  readonly #onCall: <Kind extends JobKind>(
    kind: Kind,
    request: JobRequest<Kind>,
    options: RunOptions<Kind>,
  ) => void;

  /** `onCall` sees every job before it is answered. */
  constructor(
    answers: Answers,
    onCall: <Kind extends JobKind>(
      kind: Kind,
      request: JobRequest<Kind>,
      options: RunOptions<Kind>,
    ) => void = () => undefined,
  ) {
    this.#answers = answers;
    this.#onCall = onCall;
  }

  async run<Kind extends JobKind>(
    kind: Kind,
    request: JobRequest<Kind>,
    options: RunOptions<Kind> = {},
  ): Promise<JobResult<Kind>> {
    options.signal?.throwIfAborted();
    this.#onCall(kind, request, options);
    const answer = this.#answers[kind];
    if (answer === undefined) throw new Error(`the mock engine knows no job ${kind}`);
    const { value = {}, tensors = {} } = await answer(request, options);
    return { value: value as JobResult<Kind>['value'], tensors: tensors as JobResult<Kind>['tensors'] };
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** What `load` says of a small release without an encoder. */
export const loadedModels = {
  device: 'cpu',
  dtype: 'fp32',
  dit: {
    channels: 4,
    condition: 'text',
    captionDim: 8,
    parameters: 7,
    patchSize: 1,
    maxCaptionTokens: 40,
    maxLatentRows: 512,
    maxLatentColumns: 512,
  },
  remarks: [],
} as const;

/** A black picture, as the engine gives it. */
export function blackPixels(width: number, height: number, level = 0) {
  const data = new Uint8Array(width * height * 3).fill(level);
  return { dtype: 'uint8', shape: [height, width, 3], data } as const;
}

export const noSeconds = { encode: 0, sample: 0, model: 0, decode: 0 } as const;

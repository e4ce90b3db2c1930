/** Rows of serving: the same requests at the same moments, drawn together and one after the other. */
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { linkedController } from '../abort.js';
import { type DrawBody, parseDrawRequest } from '../config/draw-request.js';
import { serveSchema } from '../config/serve.js';
import { SvgT2IError } from '../errors.js';
import { SvgT2I } from '../pipeline.js';
import { EMBEDDED_MODEL } from '../release/embedded-model.js';
import { JobStore } from '../serve/job-store.js';
import { Metrics } from '../serve/metrics.js';
import { ModelSet } from '../serve/models.js';
import { type BenchRow, median } from './row.js';

/** From a request to its first picture, in the middle; and from the first request to the last picture. */
export const SERVING_ROWS = ['serve-first-picture', 'serve-all-pictures'] as const;
export type ServingRow = (typeof SERVING_ROWS)[number];

const CLIENTS = 8;
const REQUESTS = 16;
/** Requests come during this share of the time that their pictures take one after the other. */
const ARRIVALS_SHARE = 0.5;
const SIZES = ['64x64', '96x64', '64x128', '128x128'];
const STEPS = [4, 8, 12, 20];
const SOLVERS = ['dpm++', 'euler', 'heun'] as const;
const GUIDANCE = [1, 3, 5];

export interface ServingBenchOptions {
  readonly repeats: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of one run, in seconds. */
type Times = Readonly<Record<ServingRow, number>>;

export async function* measureServing(
  rows: readonly ServingRow[],
  { repeats, threads, signal: given }: ServingBenchOptions,
): AsyncGenerator<BenchRow, void, undefined> {
  const { signal } = linkedController(given);
  // Every request listens.
  setMaxListeners(0, signal);
  await using pipeline = await SvgT2I.load({
    pretrained: EMBEDDED_MODEL,
    device: 'cpu',
    ...(threads === undefined ? {} : { threads }),
    signal,
  });
  // Together as well, so that the first timed run of neither meets what is done once.
  await serveAll(pipeline, { together: true, seconds: 0, signal });
  const alone = await serveAll(pipeline, { together: false, seconds: 0, signal });
  const seconds = ARRIVALS_SHARE * alone['serve-all-pictures'];
  const ours: Times[] = [];
  const plain: Times[] = [];
  for (let i = 0; i < repeats; i++) {
    ours.push(await serveAll(pipeline, { together: true, seconds, signal }));
    plain.push(await serveAll(pipeline, { together: false, seconds, signal }));
  }
  for (const name of rows) {
    const [oursSeconds, plainSeconds] = [ours, plain].map((runs) => median(runs.map((run) => run[name])));
    if (oursSeconds === undefined || plainSeconds === undefined) continue;
    yield { name, ours: oursSeconds, plain: plainSeconds, unit: 's', ratio: plainSeconds / oursSeconds };
  }
}

interface RunOptions {
  readonly together: boolean;
  /** In which the requests come. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
}

async function serveAll(pipeline: SvgT2I, { together, seconds, signal }: RunOptions): Promise<Times> {
  const settings = serveSchema.parse(together ? { maxBatch: CLIENTS } : { maxBatch: 1 });
  const models = new ModelSet([{ name: 'shapes', options: {} }]);
  await models.load(async () => pipeline, {
    loading: () => undefined,
    ready: () => undefined,
    failed: () => undefined,
  });
  const metrics = new Metrics();
  const store = new JobStore(settings, models, metrics);
  const start = performance.now();
  try {
    const firsts = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, i) => {
        await wait(1000 * seconds * randomAt(i), undefined, { signal });
        return await firstPicture(store, i, signal);
      }),
    );
    return { 'serve-first-picture': median(firsts), 'serve-all-pictures': secondsSince(start) };
  } finally {
    store.close();
    metrics.close();
  }
}

/** Seconds until the first picture of a request is there; waits for its end. */
async function firstPicture(store: JobStore, i: number, signal: AbortSignal | undefined): Promise<number> {
  const asked = performance.now();
  const { request } = parseDrawRequest(bodyAt(i), { unknown: 'refuse' });
  const job = store.submit(request, { client: `client ${i % CLIENTS}` });
  let first: number | undefined;
  for await (const event of job.events(0, signal)) {
    if (event.type === 'image') first ??= secondsSince(asked);
  }
  if (signal?.aborted === true) job.cancel();
  signal?.throwIfAborted();
  if (first !== undefined) return first;
  throw new SvgT2IError(
    'ERR_SVGT2I_INTERNAL',
    `request ${i} ended without a picture: ${job.error?.message ?? job.status}`,
  );
}

/** The same in every run: sizes, steps, solvers and guidance in all mixtures. */
function bodyAt(i: number): DrawBody {
  const pick = <Value>(values: readonly Value[], turn: number) => values[turn % values.length] as Value;
  return {
    prompt: 'two red circles left of a blue square',
    seed: i,
    size: pick(SIZES, i),
    num_inference_steps: pick(STEPS, i + Math.floor(i / SIZES.length)),
    solver: pick(SOLVERS, i),
    guidance_scale: pick(GUIDANCE, Math.floor(i / SOLVERS.length)),
  };
}

/** From 0 to 1, as if by chance: multiples of the golden ratio. */
function randomAt(i: number): number {
  return (i * 0.618033988749895) % 1;
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

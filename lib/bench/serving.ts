/** Rows of serving: clients that ask for pictures at random moments, drawn together and one after the other. */
import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { linkedController } from '../abort.js';
import { type DrawBody, parseDrawRequest } from '../config/draw-request.js';
import { type ServeConfig, serveSchema } from '../config/serve.js';
import { randomPermutation, uniformDraw } from '../data/random.js';
import { SvgT2IError } from '../errors.js';
import { SvgT2I } from '../pipeline.js';
import { EMBEDDED_MODEL } from '../release/embedded-model.js';
import { JobStore } from '../serve/job-store.js';
import { Metrics } from '../serve/metrics.js';
import { ModelSet } from '../serve/models.js';
import { type BenchRow, median } from './row.js';

/** From a request to its picture, and from the first request to the last picture. */
export const SERVING_ROWS = ['serve-first-picture', 'serve-all-pictures'] as const;
type ServingRow = (typeof SERVING_ROWS)[number];

const CLIENTS = 8;
const REQUESTS_A_CLIENT = 3;
/** Arriving work over what is done one after the other: a queue forms, and does not grow for ever. */
const UTILISATION = 1;
const SIZES = ['32x32', '64x64', '64x64', '96x64', '96x96', '128x128'] as const;
const STEPS = [4, 8, 16, 25] as const;
const SOLVERS = ['dpm++', 'euler', 'heun'] as const;
const GUIDANCE = [1, 3, 5] as const;
const PROMPTS = ['a red circle', 'a large blue square left of a small green triangle'] as const;

const TOGETHER = serveSchema.parse({});
const ALONE = serveSchema.parse({ maxBatch: 1 });

/** A request, and when it comes: in seconds from the first, of a machine that needs a second for one. */
interface Arrival {
  readonly client: string;
  readonly body: DrawBody;
  readonly at: number;
}

/** Of one round, in seconds; a client's time to its pictures is their mean, of which this is the median. */
type Round = Readonly<Record<ServingRow, number>>;

export interface ServingBenchOptions {
  readonly repeats: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of the same rounds; ours is drawn together, plain one after the other. */
export async function* measureServing(
  rows: readonly ServingRow[],
  { repeats, threads, signal }: ServingBenchOptions,
): AsyncGenerator<BenchRow, void, undefined> {
  const load = { pretrained: EMBEDDED_MODEL, device: 'cpu', ...(threads === undefined ? {} : { threads }) };
  const models = new ModelSet([{ name: 'shapes', options: load }]);
  await models.load((options) => SvgT2I.load(options), QUIET);
  const rounds: { readonly ours: Round; readonly plain: Round }[] = [];
  try {
    const first = arrivalsOf(0);
    // Both once, so that the first timed round of neither meets what is done once.
    await round(models, TOGETHER, { arrivals: first, scale: 0, signal });
    // All at once: how long requests take here one after the other.
    const { 'serve-all-pictures': alone } = await round(models, ALONE, { arrivals: first, scale: 0, signal });
    const scale = alone / first.length / UTILISATION;
    for (let i = 1; i <= repeats; i++) {
      const arrived = { arrivals: arrivalsOf(i), scale, signal };
      const plain = await round(models, ALONE, arrived);
      rounds.push({ plain, ours: await round(models, TOGETHER, arrived) });
    }
  } finally {
    await models.dispose();
  }
  for (const name of rows) {
    const ours = median(rounds.map((each) => each.ours[name]));
    const plain = median(rounds.map((each) => each.plain[name]));
    yield { name, ours, plain, unit: 's', ratio: plain / ours };
  }
}

const QUIET = { loading: () => undefined, ready: () => undefined, failed: () => undefined };

/**
 * Of Poisson processes of equal rates, one a client: their sum is one too, of which each request is as likely anybody's.
 * Drawn from the seed alone.
 */
export function arrivalsOf(seed: number): readonly Arrival[] {
  let draws = 0;
  const random = () => uniformDraw(seed, draws++);
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
  const places = randomPermutation(CLIENTS * REQUESTS_A_CLIENT, seed);
  let at = 0;
  return Array.from(places, (place, i) => {
    if (i > 0) at -= Math.log(1 - random());
    const body = {
      ...{ prompt: pick(PROMPTS), size: pick(SIZES), num_inference_steps: pick(STEPS), seed: i },
      ...{ solver: pick(SOLVERS), guidance_scale: pick(GUIDANCE) },
    };
    return { client: `${place % CLIENTS}`, body, at };
  });
}

interface RoundOptions {
  readonly arrivals: readonly Arrival[];
  /** Seconds from one arrival to the next, on average. */
  readonly scale: number;
  readonly signal?: AbortSignal | undefined;
}

async function round(models: ModelSet, settings: ServeConfig, options: RoundOptions): Promise<Round> {
  const { arrivals, scale } = options;
  const either = linkedController(options.signal);
  const { signal } = either;
  // Each request listens.
  setMaxListeners(0, signal);
  const metrics = new Metrics();
  const store = new JobStore(settings, models, metrics);
  const start = performance.now();
  const waits = new Map<string, number[]>();
  let seconds = 0;
  try {
    await Promise.all(
      arrivals.map(async ({ client, body, at }) => {
        await setTimeout(1000 * at * scale, undefined, { signal });
        const waited = await secondsToPicture(store, { client, body, signal });
        waits.set(client, [...(waits.get(client) ?? []), waited]);
      }),
    );
    seconds = secondsSince(start);
  } finally {
    either.end();
    // Also what is left of a round that was interrupted.
    await store.drain(AbortSignal.abort());
    store.close();
    metrics.close();
  }
  return {
    'serve-first-picture': median([...waits.values()].map(mean)),
    'serve-all-pictures': seconds,
  };
}

async function secondsToPicture(
  store: JobStore,
  { client, body, signal }: Omit<Arrival, 'at'> & { readonly signal: AbortSignal | undefined },
): Promise<number> {
  const start = performance.now();
  const job = store.submit(parseDrawRequest(body, { unknown: 'refuse' }).request, { client });
  for await (const event of job.events(0, signal)) {
    if (event.type === 'image') return secondsSince(start);
    if (event.type === 'failed') throw event.error;
  }
  throw signal?.reason ?? new SvgT2IError('ERR_SVGT2I_INTERNAL', 'a job ended without its picture');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

/** One load test: many requests at a time, some given up, malformed ones between them, against a server process. */
import { Agent } from 'undici';
import { ask, type Caller, type Outcome } from './ask.js';
import type { Malformed } from './malformed.js';
import type { Planned } from './plan.js';
import type { Served } from './served.js';

export interface LoadOptions {
  readonly requests: readonly Planned[];
  readonly malformed: readonly Malformed[];
  /** Requests that are on their way together. */
  readonly together: number;
  /** Requests before anything is measured: libraries keep what they have made for each size of a batch. */
  readonly warmUp: number;
  /** Of each kind of malformed ones. */
  readonly malformedEach: number;
  /** Of the server's `--keep-seconds`. */
  readonly keepSeconds: number;
}

export interface LoadReport {
  readonly outcomes: readonly Outcome[];
  /** Requests that were answered with what nobody expected, or not at all. */
  readonly lost: readonly string[];
  /** Malformed ones that were answered otherwise than they must be, by name. */
  readonly misread: readonly string[];
  readonly malformedSent: number;
  /** Jobs as the server counted them during the load. */
  readonly jobs: { readonly done: number; readonly cancelled: number; readonly failed: number };
  /** Resident bytes with all garbage collected, before and after. */
  readonly memory: readonly [before: number, after: number];
  readonly sockets: readonly [before: number, after: number];
  /** Seconds by which the event loop was late at most, in 99 of 100 looks. */
  readonly loopP99: number;
  /** Seconds from the first request to the last answer. */
  readonly seconds: number;
  /** What is still there when all is answered and forgotten: all 0. */
  readonly left: Readonly<Record<(typeof LEFT)[number], number>>;
}

const LEFT = [
  'svgt2i_queued_jobs',
  'svgt2i_batch_pictures',
  'svgt2i_batch_tokens',
  'svgt2i_kept_bytes',
] as const;

/** The server must have drawn before, so that what it opens once counts for nothing. */
export async function loadTest(served: Served, options: LoadOptions): Promise<LoadReport> {
  const usualSeconds = await warmUp(served, options);
  await forgotten(served, options.keepSeconds);
  const [memoryBefore, socketsBefore] = [await served.settledMemory(), await served.sockets()];
  const jobsBefore = await jobs(served);
  await served.metric(LOOP_P99); // It is that since the last look.
  const start = performance.now();
  const sent = await send(served, options, usualSeconds);
  const seconds = (performance.now() - start) / 1000;
  const loopP99 = await served.metric(LOOP_P99);
  const left = await forgotten(served, options.keepSeconds);
  const jobsAfter = await jobs(served);
  return {
    ...sent,
    ...{ seconds, loopP99, left },
    jobs: {
      done: jobsAfter.done - jobsBefore.done,
      cancelled: jobsAfter.cancelled - jobsBefore.cancelled,
      failed: jobsAfter.failed - jobsBefore.failed,
    },
    memory: [memoryBefore, await served.settledMemory()],
    sockets: [socketsBefore, await served.sockets()],
  };
}

const LOOP_P99 = 'svgt2i_event_loop_p99_seconds';

async function jobs(served: Served): Promise<LoadReport['jobs']> {
  const of = (status: string) => served.metric('svgt2i_jobs_total', `status="${status}"`);
  return { done: await of('done'), cancelled: await of('cancelled'), failed: await of('failed') };
}

/** As many at a time as later, so that the pools of all libraries have their sizes; seconds that one took. */
async function warmUp(served: Served, options: LoadOptions): Promise<number> {
  const requests = options.requests
    .slice(0, options.warmUp)
    .map((each) => ({ ...each, giveUpAt: undefined }));
  const { outcomes, lost } = await send(served, { ...options, requests, malformedEach: 1 }, 1);
  if (lost.length > 0) throw new Error(lost.join('\n'));
  const seconds = outcomes.map((outcome) => outcome.seconds).sort((a, b) => a - b);
  return seconds[Math.floor(seconds.length / 2)] ?? 0;
}

async function send(served: Served, options: LoadOptions, usualSeconds: number) {
  const { requests, malformed, malformedEach, together } = options;
  // Each request has a connection of its own, as those of many people have.
  const dispatcher = new Agent({ connections: 2 * together, pipelining: 1 });
  const caller: Caller = { url: served.url, dispatcher, usualSeconds };
  const outcomes: Outcome[] = [];
  const [lost, misread]: string[][] = [[], []];
  const draws = requests.map((planned) => async () => {
    try {
      outcomes.push(await ask(planned, caller));
    } catch (error) {
      lost?.push(`${planned.way} ${planned.number}: ${error instanceof Error ? error.message : error}`);
    }
  });
  const wrongs = malformed.flatMap(({ name, answer, send: sendOne }) =>
    Array.from({ length: malformedEach }, () => async () => {
      const got = await sendOne({ url: served.url, port: served.port, dispatcher }).catch(String);
      if (!answer.test(got)) misread?.push(`${name}: ${got || 'nothing'}`);
    }),
  );
  try {
    await Promise.all([inTurns(draws, together), inTurns(shuffledIn(wrongs), Math.ceil(together / 2))]);
  } finally {
    await dispatcher.close();
  }
  return { outcomes, lost: lost ?? [], misread: misread ?? [], malformedSent: wrongs.length };
}

/** Kind after kind in turn, in place of all of one kind together. */
function shuffledIn<Value>(values: readonly Value[]): readonly Value[] {
  const stride = 7;
  return values
    .map((value, i) => ({ value, place: (i * stride) % Math.max(1, values.length) }))
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value);
}

async function inTurns(works: readonly (() => Promise<void>)[], together: number): Promise<void> {
  const left = [...works];
  const worker = async () => {
    for (let work = left.shift(); work !== undefined; work = left.shift()) await work();
  };
  await Promise.all(Array.from({ length: together }, worker));
}

const PATIENCE_MS = 60_000;

/** Waits until all jobs have ended and are let go of; what is left at last. */
async function forgotten(served: Served, keepSeconds: number): Promise<LoadReport['left']> {
  const look = async () => {
    const values = await Promise.all(LEFT.map(async (name) => [name, await served.metric(name)] as const));
    return Object.fromEntries(values) as LoadReport['left'];
  };
  const end = performance.now() + 1000 * keepSeconds + PATIENCE_MS;
  let left = await look();
  while (Object.values(left).some((value) => value !== 0) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    left = await look();
  }
  return left;
}

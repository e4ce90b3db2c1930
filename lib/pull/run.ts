/** One pull, from the listings to the last hash. */
import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import { linkedController, throwIfAborted } from '../abort.js';
import type { PullConfig } from '../config/pull.js';
import { SvgT2IError } from '../errors.js';
import type { FreeBytes } from '../fetch/disk.js';
import { Http } from '../fetch/http.js';
import { removePart } from '../fetch/part-file.js';
import { PATIENT, type RetryPolicy } from '../fetch/retry.js';
import { removeDeadParts } from '../files.js';
import type { HubAccess, HubFile } from '../hub/listing.js';
import { type Environment, hubEndpoint, hubToken, offlineVariable } from '../hub/places.js';
import { etagOf } from '../hub/store.js';
import { withLock } from '../lock/lock.mjs';
import { fetchFile } from './fetch-file.js';
import { checkRoom, describe, type Job, makePlan, type Planned } from './plan.js';
import { Rate } from './rate.js';
import { refusalsOf } from './refusals.js';
import type { PullEvent, PulledFile, PullPlan, PullResult } from './types.js';

/** What only tests set. */
export interface PullInternals {
  readonly env?: Environment;
  readonly free?: FreeBytes;
  readonly policy?: Partial<RetryPolicy>;
  readonly pieceBytes?: number;
}

/** Checked already. */
export interface PullRequest extends PullConfig {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullEvent) => void) | undefined;
}

export async function runPlan(request: PullRequest, internals: PullInternals): Promise<PullPlan> {
  return await withHub(request, internals, async (session) => {
    const planned = await makePlan(session);
    const refusals = await refusalsOf(planned, session.access);
    const told = refusals.map(({ message, hint = '' }) => `${message}: ${hint.replaceAll('\n', ' ')}`);
    return { ...planned.plan, warnings: [...planned.plan.warnings, ...told] };
  });
}

export async function runPull(request: PullRequest, internals: PullInternals): Promise<PullResult> {
  return await withHub(request, internals, async (session) => {
    const planned = await makePlan(session);
    session.tell({ type: 'plan', ...planned.plan });
    for (const message of planned.plan.warnings) session.tell({ type: 'warning', message });
    // Before gigabytes of another repository are fetched.
    const [refusal] = await refusalsOf(planned, session.access);
    if (refusal !== undefined) throw refusal;
    return await new Pull(session, planned).run();
  });
}

interface Session {
  readonly config: PullConfig;
  readonly access: HubAccess;
  readonly env: Environment;
  readonly free: FreeBytes | undefined;
  readonly pieceBytes: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly tell: (event: PullEvent) => void;
}

async function withHub<Result>(
  { signal, onProgress, ...config }: PullRequest,
  { env = process.env, free, policy, pieceBytes }: PullInternals,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  refuseOffline(env);
  const endpoint = hubEndpoint(env);
  const token = hubToken(env);
  const http = new Http({ token, tokenOrigin: new URL(endpoint).origin });
  const tell = (event: PullEvent) => onProgress?.(event);
  const access: HubAccess = {
    ...{ http, endpoint, signal },
    hasToken: token !== undefined,
    policy: { ...PATIENT, retries: config.retries, ...policy },
    onRetry: (reason, waitMs) => tell({ type: 'retry', reason, waitMs: Math.round(waitMs) }),
  };
  try {
    return await work({ config, access, env, free, pieceBytes, signal, tell });
  } finally {
    await http.close();
  }
}

function refuseOffline(env: Environment): void {
  const variable = offlineVariable(env);
  if (variable === undefined) return;
  throw new SvgT2IError('ERR_SVGT2I_FETCH', `${variable} is set, so the hub is not asked`, {
    hint: 'Unset it to fetch; what is in the cache is used without it, too.',
  });
}

/** An hour: another process may fetch gigabytes. */
const LOCK_WAIT_MS = 3600_000;
/** Files of which several are fetched at a time. */
const SMALL_BYTES = 4 << 20;

class Pull {
  readonly #session: Session;
  readonly #planned: Planned;
  readonly #rate = new Rate();
  /** Bytes that are here, by file. */
  readonly #done = new Map<HubFile, number>();
  /** A file that has them, by the hash of its bytes. */
  readonly #here = new Map<string, string>();
  #doneBytes = 0;
  #fetched = 0;
  #told = -1;

  constructor(session: Session, planned: Planned) {
    this.#session = session;
    this.#planned = planned;
  }

  async run(): Promise<PullResult> {
    const { jobs, plan } = this.#planned;
    checkRoom(this.#planned);
    const all = jobs.flatMap(({ files }) => files);
    for (const [index, file] of all.entries()) this.#done.set(file, plan.files[index]?.have ?? 0);
    this.#doneBytes = plan.totalBytes - plan.fetchBytes;
    for (const job of jobs) await this.#runLocked(job);
    const after = await describe(jobs, plan.warnings, this.#session);
    return { ...after, fetchedBytes: this.#fetched };
  }

  async #runLocked(job: Job): Promise<void> {
    const { target, listing } = job;
    const { signal, tell } = this.#session;
    // Nothing is written for what is there, so that a cache that must not be written can be used.
    const states = await this.#states(job);
    if (states.every((state) => state === 'there') && target.isFinished()) {
      for (const file of job.files) this.#tellFile(job, file, false);
      return;
    }
    await target.prepare();
    const options = {
      what: `fetching ${listing.repo}`,
      waitMs: LOCK_WAIT_MS,
      hint: 'End that process if it hangs.',
      signal,
      onWait: (message: string) => tell({ type: 'wait', message }),
      onWarning: (message: string) => tell({ type: 'warning', message }),
      makeError: ({ message, hint }: { readonly message: string; readonly hint: string }) =>
        new SvgT2IError('ERR_SVGT2I_FETCH', message, { hint }),
    };
    await withLock(target.lockFile, options, async (lock) => {
      const signals = [lock.signal, ...(signal === undefined ? [] : [signal])];
      const ofFiles = job.files.flatMap((file) => [target.path(file), target.part(file)].map(dirname));
      for (const folder of new Set([...target.folders, ...ofFiles]))
        await removeDeadParts(folder, { onWarning: options.onWarning });
      await this.#runJob(job, AbortSignal.any(signals));
      await lock.check();
      await target.finish();
    });
  }

  async #states({ files, target }: Job) {
    const states: Awaited<ReturnType<typeof target.state>>[] = [];
    // One after another: each may open a file, and there may be thousands.
    for (const file of files) states.push(await target.state(file));
    return states;
  }

  async #runJob(job: Job, signal: AbortSignal): Promise<void> {
    const { connections } = this.#session.config;
    const etags = new Set<string>();
    // Files of one content are one blob, which only one may write.
    const isNew = (file: HubFile) => !etags.has(etagOf(file)) && etags.add(etagOf(file)) !== undefined;
    for (const [index, state] of (await this.#states(job)).entries()) {
      const file = job.files[index];
      if (state === 'there' && file !== undefined) this.#here.set(etagOf(file), job.target.path(file));
    }
    const small = job.files.filter((file) => file.bytes < SMALL_BYTES && isNew(file));
    await eachOf(small, connections, signal, (file, own) => this.#bring(job, file, 1, own));
    const brought = new Set(small);
    const others = job.files.filter((file) => !brought.has(file));
    for (const file of others) await this.#bring(job, file, connections, signal);
  }

  async #bring(job: Job, file: HubFile, connections: number, signal: AbortSignal): Promise<void> {
    const { target, listing } = job;
    const { access, pieceBytes, tell } = this.#session;
    throwIfAborted(signal);
    // Whoever held the lock may have fetched it, and files of one content share a blob.
    const state = await target.state(file);
    const same = state === 'missing' ? this.#here.get(etagOf(file)) : undefined;
    if (state === 'near') await target.adopt(file);
    if (same !== undefined) await target.copy(same, file);
    // Its journal is left where a kill came after the last rename.
    if (state === 'near' || same !== undefined) await removePart(target.part(file));
    const fetches = state === 'missing' && same === undefined;
    if (fetches) {
      const fetched = await fetchFile(file, {
        ...{ access, listing, target, connections, pieceBytes, signal },
        onBytes: (done) => this.#note(file, done),
        onCheck: () => tell({ type: 'check', repo: listing.repo, path: file.path, bytes: file.bytes }),
        onWarning: (message) => tell({ type: 'warning', message }),
      });
      this.#fetched += fetched;
    }
    this.#here.set(etagOf(file), target.path(file));
    this.#note(file, file.bytes);
    this.#tellFile(job, file, fetches);
  }

  #tellFile({ listing: { repo }, target }: Job, file: HubFile, fetched: boolean): void {
    const { path, bytes } = file;
    const told: PulledFile = { repo, path, bytes, have: bytes, file: target.path(file) };
    this.#session.tell({ type: 'file', fetched, ...told });
  }

  #note(file: HubFile, done: number): void {
    this.#doneBytes += done - (this.#done.get(file) ?? 0);
    this.#done.set(file, done);
    const { totalBytes } = this.#planned.plan;
    const doneBytes = this.#doneBytes;
    this.#rate.note(doneBytes);
    // A thousand times at most, however large it is.
    const isDue = Math.abs(doneBytes - this.#told) >= totalBytes / 1000 || doneBytes === totalBytes;
    if (!isDue || doneBytes === this.#told) return;
    this.#told = doneBytes;
    const { bytesPerSecond } = this.#rate;
    const left = bytesPerSecond === 0 ? {} : { secondsLeft: (totalBytes - doneBytes) / bytesPerSecond };
    this.#session.tell({ type: 'progress', doneBytes, totalBytes, path: file.path, bytesPerSecond, ...left });
  }
}

/** So many at a time; the first failure ends the others, and is what is thrown. */
async function eachOf<Item>(
  items: readonly Item[],
  most: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const all = linkedController(signal);
  setMaxListeners(0, all.signal);
  const errors: unknown[] = [];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, all.signal);
  };
  const workers = Array.from({ length: Math.min(most, items.length) }, () =>
    worker().catch((error: unknown) => {
      errors.push(error);
      all.end();
    }),
  );
  await Promise.all(workers);
  all.end();
  if (errors.length > 0) throw errors[0];
}

/** A server from its start to its end: binds, loads, serves, drains. */
import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { basename } from 'node:path';
import { hubNameOf } from '../config/hub-name.js';
import type { ModelOptions } from '../config/model.js';
import type { ServeConfig } from '../config/serve.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { SvgT2I } from '../pipeline.js';
import { EMBEDDED_MODEL } from '../release/embedded-model.js';
import { checkPrecision } from '../release/precision.js';
import type { LoadOptions } from '../release/types.js';
import { adviceBeforeServing } from './advice.js';
import { createApp } from './app.js';
import type { ServeContext } from './context.js';
import { JobStore } from './job-store.js';
import { listen, portOf, urlOf } from './listen.js';
import { createLog, type Log } from './log.js';
import { Metrics } from './metrics.js';
import { type LoadModel, type ModelPlace, ModelSet } from './models.js';
import { checkExposure } from './security/hosts.js';
import { KeyRing, readKeys } from './security/keys.js';

/** What the embedded model is called by. */
const EMBEDDED_NAME = 'shapes';

/** What a test brings in place of models and stderr. */
export interface ServeParts {
  readonly load?: LoadModel;
  readonly log?: Log;
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:7860`. */
  readonly url: string;
  readonly port: number;
  /** Resolves where a model can draw, rejects where none could be loaded. */
  readonly ready: Promise<void>;
  /** Lets running pictures finish for so many seconds, refuses all else, and ends. A second call waits for the first. */
  close(drainSeconds?: number): Promise<void>;
}

/**
 * Listens, and loads the models meanwhile.
 *
 * @throws SvgT2IError ERR_SVGT2I_LISTEN, ERR_SVGT2I_INVALID_CONFIG for a server that is open to all, and for keys
 */
export async function startServer(settings: ServeConfig, parts: ServeParts = {}): Promise<RunningServer> {
  const keys = await readKeys(settings);
  checkExposure(settings, keys.length > 0);
  const models = new ModelSet(placesOf(settings));
  const log = parts.log ?? createLog(settings.log);
  const metrics = new Metrics();
  const jobs = new JobStore(settings, models, metrics, log);
  const ring = new KeyRing(keys);
  const context: ServeContext = {
    ...{ settings, models, jobs, metrics, log },
    needsKey: ring.isNeeded,
    clientOf: (c) => c.get('client'),
  };
  const server = await listen(createApp(context, ring), {
    ...settings,
    onDropped: () => metrics.dropped(),
    onError: (error) => log.warn({ err: error }, firstLine(error)),
    onRefused: ({ message, ...answer }) => log.info({ ...answer, code: 'bad_request' }, message),
  }).catch((error: unknown) => {
    metrics.close();
    throw error;
  });
  const port = portOf(server);
  const url = urlOf(settings.host, port);
  log.info({ models: models.list().map(({ name }) => name) }, `listening at ${url}`);
  const ready = load(models, log, parts.load ?? ((options) => loadTold(options, log)));
  // Whoever waits for it hears of it; nobody must.
  ready.catch(() => undefined);
  let closing: Promise<void> | undefined;
  return {
    url,
    port,
    ready,
    close: (drainSeconds = settings.drainSeconds) => {
      closing ??= close(server, context, drainSeconds);
      return closing;
    },
  };
}

/** Tells before a model is loaded that it will not fit, or that its pictures take long. */
async function loadTold(options: LoadOptions, log: Log): Promise<SvgT2I> {
  for (const message of await adviceBeforeServing(options)) log.warn(message);
  return await SvgT2I.load(options);
}

async function load(models: ModelSet, log: Log, loadModel: LoadModel): Promise<void> {
  await models.load(loadModel, {
    loading: ({ name }) => log.info({ model: name }, `loading ${name}`),
    ready: ({ name, drawer }, seconds) => {
      for (const message of drawer.warnings) log.warn({ model: name }, message);
      const { device, dtype } = drawer.models;
      log.info({ model: name, device, dtype, seconds: Math.round(seconds * 10) / 10 }, `${name} is ready`);
    },
    failed: ({ name, failure }) => {
      const hint = SvgT2IError.isInstance(failure) ? failure.hint : undefined;
      log.error(
        { model: name, ...(hint === undefined ? {} : { hint }) },
        `${name} cannot be loaded: ${firstLine(failure)}`,
      );
    },
  });
}

async function close(
  server: Server,
  { jobs, models, metrics, log }: ServeContext,
  drainSeconds: number,
): Promise<void> {
  log.info({ seconds: drainSeconds }, 'draining: running pictures finish, nothing new is let in');
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), drainSeconds * 1000);
  try {
    await jobs.drain(deadline.signal);
    // Whoever waits for an answer gets it; then the connections, which may be kept alive, are closed.
    await answered(server, deadline.signal);
  } finally {
    clearTimeout(timer);
  }
  server.closeAllConnections();
  jobs.close();
  await models.dispose();
  metrics.close();
  log.info('stopped');
}

/** No new connections; resolves when the open answers are at their ends, or in time. */
function answered(server: Server, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    const closer = setInterval(() => server.closeIdleConnections(), 100);
    const end = () => resolve();
    deadline.addEventListener('abort', end, { once: true });
    if (deadline.aborted) end();
    server.once('close', () => clearInterval(closer));
  });
}

/** Of the engines: requests are answered while every core draws. */
const NICENESS = 5;

/** Names and options of the models; the embedded one where none is given. */
function placesOf({
  models,
  device,
  dtype,
  threads,
  offload,
  maxBatchTokens,
}: ServeConfig): readonly ModelPlace[] {
  const ofAll = { device, dtype, threads, offload, maxBatchTokens, niceness: NICENESS };
  const given = models.length === 0 ? [{ name: EMBEDDED_NAME, pretrained: EMBEDDED_MODEL }] : models;
  const places = given.map(({ name, ...options }): ModelPlace => {
    const own = Object.fromEntries(Object.entries(ofAll).filter(([, value]) => value !== undefined));
    const all: ModelPlace['options'] = { ...own, ...options };
    checkPrecision(all, (option) => `models.${name ?? nameOf(options)}.${option}`);
    return { name: name ?? nameOf(options), options: all };
  });
  const twice = places.find(({ name }, i) => places.findIndex((other) => other.name === name) !== i);
  if (twice === undefined) return places;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `models: two are called ${twice.name}`, {
    hint: 'Give each a name: --model NAME=FOLDER.',
  });
}

/** The hub's name, or the folder's; that of the folder above where it is called `pre-trained`. */
function nameOf({ pretrained, dit }: ModelOptions): string {
  const place = String(pretrained ?? dit ?? 'svg-t2i');
  const hub = existsSync(place) ? undefined : hubNameOf(place);
  if (hub !== undefined) return hub.short ?? hub.repo;
  const parts = place.split('/').filter((part) => part !== '' && part !== '.' && part !== 'pre-trained');
  return basename(parts.at(-1) ?? '') || 'svg-t2i';
}

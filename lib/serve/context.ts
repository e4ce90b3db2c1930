/** What the routes share: settings, models, jobs, and who asks. */

import type { HttpBindings } from '@hono/node-server';
import type { Context, Env } from 'hono';
import type { ServeConfig } from '../config/serve.js';
import type { JobStore } from './job-store.js';
import type { Log } from './log.js';
import type { Metrics } from './metrics.js';
import type { ModelSet } from './models.js';

/** What the middleware finds out about a request. */
export interface RequestVariables {
  /** Of the answer's `x-request-id`. */
  requestId: string;
  /** Who asks: its key's place in the list of keys, or its address. */
  client: string;
  /** From one sign of life of a stream to the next: well before it would count as standing still. */
  pingMs: number;
  /** What a route adds to the line that is logged. */
  note: (fields: Readonly<Record<string, unknown>>) => void;
}

/** Of every route; `incoming` and `outgoing` are absent where a test asks without a port. */
export interface ServeEnv extends Env {
  readonly Bindings: Partial<HttpBindings>;
  readonly Variables: RequestVariables;
}

export interface ServeContext {
  readonly settings: ServeConfig;
  readonly models: ModelSet;
  readonly jobs: JobStore;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Whether callers must send a key. */
  readonly needsKey: boolean;
  readonly clientOf: (c: Context<ServeEnv>) => string;
}

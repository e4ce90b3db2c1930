/** `GET /health`: the process is alive. `GET /ready`: all models are loaded. `GET /metrics`: for Prometheus. */
import { Hono } from 'hono';
import { SvgT2IError } from '../../errors.js';
import type { ServeContext, ServeEnv } from '../context.js';
import type { ServedModel } from '../models.js';

export function healthRoutes({ models, jobs, metrics }: ServeContext): Hono<ServeEnv> {
  const app = new Hono<ServeEnv>();
  app.get('/health', (c) => c.json({ status: 'ok' }));
  app.get('/ready', (c) => {
    const status = jobs.draining ? 'draining' : models.ready ? 'ready' : 'loading';
    const body = { status, models: models.list().map(stateOf) };
    return status === 'ready' ? c.json(body) : c.json(body, 503, { 'retry-after': '2' });
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  return app;
}

/** Of a failure its code alone: the message may hold paths of this machine. */
function stateOf({ name, state, failure }: ServedModel) {
  if (state !== 'failed') return { id: name, state };
  return { id: name, state, code: SvgT2IError.isInstance(failure) ? failure.code : 'ERR_SVGT2I_INTERNAL' };
}

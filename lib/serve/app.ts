/** The server without its sockets: what every request goes through, and the routes. */
import { randomUUID } from 'node:crypto';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { firstLine } from '../errors.js';
import { a1111Routes } from './a1111/routes.js';
import type { ServeContext, ServeEnv } from './context.js';
import { ApiError, apiErrorOf } from './errors.js';
import { openaiRoutes } from './openai/routes.js';
import { openapiRoutes } from './openapi/routes.js';
import { pathOf } from './paths.js';
import { capabilityRoutes } from './routes/capabilities.js';
import { healthRoutes } from './routes/health.js';
import { jobRoutes } from './routes/jobs.js';
import { pageRoutes } from './routes/page.js';
import { checkCaller } from './security/callers.js';
import { securityHeaders } from './security/headers.js';
import { hostCheck } from './security/hosts.js';
import type { KeyRing } from './security/keys.js';
import { checkOrigin } from './security/origins.js';

/** A caller's own, where it is harmless in a log. */
const REQUEST_ID = /^[\w.-]{1,64}$/;

/** Proxies and clients take a stream that is silent for a minute or more for dead. */
const PING_MS = 12_000;

/** As nginx has it: no answer was sent, since the caller had left. */
const CALLER_LEFT = 499;

/** Each adds its paths. */
const ROUTES: readonly ((context: ServeContext) => Hono<ServeEnv>)[] = [
  healthRoutes,
  capabilityRoutes,
  jobRoutes,
  openaiRoutes,
  a1111Routes,
  openapiRoutes,
  () => pageRoutes(),
];

export function createApp(context: ServeContext, ring: KeyRing): Hono<ServeEnv> {
  const { settings, log, metrics } = context;
  const app = new Hono<ServeEnv>({ getPath: (request) => pathOf(request.url) });
  const isKnownHost = hostCheck(settings, ring.isNeeded);
  const tell = (error: unknown, c: Context<ServeEnv>) => {
    const told = apiErrorOf(error);
    c.get('note')({ code: told.code });
    if (c.req.method === 'POST') metrics.refused(told.code);
    if (told.status === 500) log.error({ id: c.get('requestId'), err: error }, firstLine(error));
    return c.json(told.body(), told.status as ContentfulStatusCode, told.headers());
  };
  app.onError(tell);
  app.notFound((c) => tell(unknownPath(app, c.req.method, c.req.path), c));
  app.use(countRequests(context), securityHeaders(), checkOrigin(settings.cors));
  app.use(async (c, next) => {
    if (!isKnownHost(c.req.header('host'))) {
      throw new ApiError(
        403,
        'host_not_allowed',
        'the server is not called so; --allow-host NAME adds a name of its own',
      );
    }
    await next();
  });
  app.use(checkCaller(ring, settings.trustProxy), answerOptions(app));
  for (const routes of ROUTES) app.route('/', routes(context));
  return app;
}

/** Gives each request its id, and logs and counts it when its answer is ready. */
function countRequests({ log, metrics, settings }: ServeContext): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    const said = c.req.header('x-request-id') ?? '';
    const requestId = REQUEST_ID.test(said) ? said : randomUUID();
    const start = performance.now();
    const { outgoing } = c.env;
    // Listened for before the work: a caller that leaves in the middle has closed it by then.
    const closed = new Promise<void>((resolve) => {
      if (outgoing === undefined) resolve();
      else outgoing.once('close', resolve);
    });
    const notes: Record<string, unknown> = {};
    c.set('requestId', requestId);
    c.set('client', 'unknown');
    c.set('pingMs', Math.min(PING_MS, (settings.stallSeconds * 1000) / 3));
    c.set('note', (fields) => void Object.assign(notes, fields));
    await next();
    c.res.headers.set('x-request-id', requestId);
    // A stream goes on for long after its answer began.
    void closed.then(() => {
      const seconds = (performance.now() - start) / 1000;
      const status = outgoing?.headersSent === false ? CALLER_LEFT : c.res.status;
      metrics.request(c.req.method, routeOf(c.req.routePath), status, seconds);
      const [client, ms] = [c.get('client'), Math.round(seconds * 1000)];
      log.info({ status, ms, client, id: requestId, ...notes }, `${c.req.method} ${c.req.path}`);
    });
  };
}

/** As it was registered, so that ids make no labels; one label for all unknown paths. */
function routeOf(path: string): string {
  return path === '/*' || path === '*' ? 'none' : path;
}

/** What a path can be asked for. */
function answerOptions(app: Hono<ServeEnv>): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    if (c.req.method !== 'OPTIONS') return next();
    const methods = methodsOf(app, c.req.path);
    if (methods.length === 0) return next();
    return c.body(null, 204, { allow: [...methods, 'OPTIONS'].join(', ') });
  };
}

function unknownPath(app: Hono<ServeEnv>, method: string, path: string): ApiError {
  const methods = methodsOf(app, path);
  if (methods.length === 0) {
    return new ApiError(404, 'not_found', `there is nothing at ${path.slice(0, 200)}; see /openapi.json`);
  }
  const allow = [...methods, 'OPTIONS'].join(', ');
  return new ApiError(405, 'method_not_allowed', `${path} is not for ${method}, but for ${allow}`, {
    headers: { allow },
  });
}

/** Methods that some route has for a path; none where no route knows it. */
function methodsOf(app: Hono<ServeEnv>, path: string): readonly string[] {
  const own = app.routes.filter(({ method, path: pattern }) => method !== 'ALL' && matches(pattern, path));
  const methods = new Set(own.map(({ method }) => method));
  return methods.has('GET')
    ? ['GET', 'HEAD', ...[...methods].filter((method) => method !== 'GET')]
    : [...methods];
}

function matches(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  return (
    wanted.length === given.length && wanted.every((part, i) => part.startsWith(':') || part === given[i])
  );
}

/** Which pages may call the server from a browser: its own, and those of listed origins. */
import type { Context, MiddlewareHandler } from 'hono';
import type { ServeEnv } from '../context.js';
import { ApiError } from '../errors.js';
import { hostOf } from './hosts.js';

const METHODS = 'GET, HEAD, POST, DELETE, OPTIONS';
const DAY_SECONDS = '86400';
/** What pages of other origins may read of an answer. */
const EXPOSED = 'x-request-id, retry-after, retry-after-ms, x-should-retry, x-svgt2i-ignored';

/** Refuses requests that a page of another origin makes; answers the browser's question beforehand. */
export function checkOrigin(listed: readonly string[]): MiddlewareHandler<ServeEnv> {
  const origins = listed.map((origin) => (origin === '*' ? origin : new URL(origin).origin));
  const isListed = (origin: string) => origins.includes('*') || origins.includes(origin);
  return async (c, next) => {
    const origin = c.req.header('origin');
    if (origin !== undefined && isListed(origin)) {
      const isQuestion =
        c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined;
      if (isQuestion) {
        return c.body(null, 204, {
          ...sharing(origin),
          'access-control-allow-methods': METHODS,
          'access-control-allow-headers': c.req.header('access-control-request-headers') ?? '',
          'access-control-max-age': DAY_SECONDS,
        });
      }
      await next();
      for (const [name, value] of Object.entries(sharing(origin))) c.res.headers.set(name, value);
      return undefined;
    }
    if (origins.length > 0 && isPicture(c)) {
      await next();
      c.res.headers.set('cross-origin-resource-policy', 'cross-origin');
      return undefined;
    }
    if (isForeign(c)) {
      throw new ApiError(
        403,
        'origin_not_allowed',
        'pages of other sites may not use this server; --cors lists those that may',
      );
    }
    await next();
    return undefined;
  };
}

function sharing(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED,
    'cross-origin-resource-policy': 'cross-origin',
    vary: 'origin',
  };
}

/** What `<img>` of a listed page asks for: browsers say of it that it is foreign, and not whose it is. */
function isPicture(c: Context<ServeEnv>): boolean {
  return c.req.method === 'GET' && /^\/v1\/jobs\/[^/]+\/images\/\d+$/.test(c.req.path);
}

/** A page's picture or EventSource sends no Origin: browsers tell of it in Sec-Fetch-Site. */
function isForeign(c: Context<ServeEnv>): boolean {
  const origin = c.req.header('origin');
  if (origin !== undefined) return !isOwn(origin, c.req.header('host'));
  const site = c.req.header('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  // A link to the page of this server.
  return !(c.req.header('sec-fetch-mode') === 'navigate' && c.req.method === 'GET');
}

function isOwn(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  if (match?.[1] === undefined || host === undefined || hostOf(host) === undefined) return false;
  // The port counts too: another server of this machine is another site. A proxy may end https, so the scheme does not.
  return match[1].toLowerCase() === host.toLowerCase();
}

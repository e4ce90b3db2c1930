/** Who asks: by its key, or by its address. */

import { isIP } from 'node:net';
import type { Context, MiddlewareHandler } from 'hono';
import type { ServeEnv } from '../context.js';
import { ApiError } from '../errors.js';
import { type KeyRing, keyOf } from './keys.js';

/**
 * Without a key: the page, which asks for one; what a service manager looks at; and pictures, whose address nobody
 * guesses and which programs fetch without headers.
 */
const OPEN = /^\/($|page\/|health$|ready$|favicon\.ico$|v1\/jobs\/[^/]+\/images\/\d+$)/;

/** Lets callers in who send a key, where there are keys, and tells them apart. */
export function checkCaller(ring: KeyRing, trustProxy: boolean): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    const key = ring.isNeeded ? keyOf((name) => c.req.header(name)) : undefined;
    const place = key === undefined ? undefined : ring.placeOf(key);
    if (ring.isNeeded && place === undefined && !isOpen(c)) throw refusal(key);
    c.set('client', place === undefined ? addressOf(c, trustProxy) : `key ${place}`);
    await next();
  };
}

function isOpen(c: Context<ServeEnv>): boolean {
  return c.req.method === 'OPTIONS' || (['GET', 'HEAD'].includes(c.req.method) && OPEN.test(c.req.path));
}

function refusal(key: string | undefined): ApiError {
  const message = key === undefined ? 'no API key was sent' : 'the API key is not right';
  return new ApiError(401, 'invalid_api_key', `${message}. Send it as "Authorization: Bearer KEY".`, {
    headers: { 'www-authenticate': 'Bearer' },
  });
}

/** The caller's address; of a proxy that is trusted, the last one that it says: those before are the caller's own words. */
function addressOf(c: Context<ServeEnv>, trustProxy: boolean): string {
  const said = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  if (said !== undefined && isIP(said) !== 0) return said;
  return c.env.incoming?.socket.remoteAddress ?? 'unknown';
}

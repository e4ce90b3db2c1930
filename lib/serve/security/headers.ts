/** Headers of every answer that keep browsers from guessing, framing and keeping. */
import type { MiddlewareHandler } from 'hono';
import type { ServeEnv } from '../context.js';

/** Those of an answer that says nothing else. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/** What a route or the middleware behind this one has set, stays. */
export function securityHeaders(): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    for (const [name, value] of Object.entries(SECURITY_HEADERS))
      if (!headers.has(name)) headers.set(name, value);
  };
}

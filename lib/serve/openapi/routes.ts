/** GET /openapi.json. */
import { Hono } from 'hono';
import type { ServeContext, ServeEnv } from '../context.js';
import { openapiDocument } from './document.js';

/** The document never changes while the server runs, so it is made once. */
export function openapiRoutes({ needsKey }: ServeContext): Hono<ServeEnv> {
  const document = openapiDocument({ needsKey });
  return new Hono<ServeEnv>().get('/openapi.json', (c) => c.json(document));
}

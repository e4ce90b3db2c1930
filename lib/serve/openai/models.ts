/** /v1/models: which models this server draws with. */
import { Hono } from 'hono';
import type { ServeContext, ServeEnv } from '../context.js';
import { ApiError } from '../errors.js';
import type { ServedModel } from '../models.js';

/** A model as OpenAI lists one. */
function modelAnswer({ name, created }: ServedModel) {
  return { id: name, object: 'model' as const, created, owned_by: 'svg-t2i' };
}

/** GET /v1/models and GET /v1/models/:id. */
export function modelRoutes({ models }: ServeContext): Hono<ServeEnv> {
  const app = new Hono<ServeEnv>();
  app.get('/v1/models', (c) => c.json({ object: 'list', data: models.list().map(modelAnswer) }));
  // A name of the hub has a slash in it, and not every client escapes it.
  app.get('/v1/models/:id{.+}', (c) => {
    const id = c.req.param('id');
    const model = models.list().find(({ name }) => name === id);
    if (model !== undefined) return c.json(modelAnswer(model));
    const names = models.list().map(({ name }) => name);
    throw new ApiError(
      404,
      'model_not_found',
      `no model is called ${JSON.stringify(id)}. There are ${names.join(', ')}.`,
      {
        param: 'model',
      },
    );
  });
  return app;
}

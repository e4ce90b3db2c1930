/** /sdapi/v1: the part of AUTOMATIC1111's API that SillyTavern and Open WebUI draw with, over the same jobs as all else. */
import { type Context, Hono } from 'hono';
import type { z } from 'zod';
import { a1111OptionsSchema, txt2imgSchema } from '../../config/a1111-request.js';
import { parseDrawRequest } from '../../config/draw-request.js';
import { validate } from '../../config/validate.js';
import type { ServeContext, ServeEnv } from '../context.js';
import { readFields } from '../fields.js';
import { drawn } from '../openai/drawn.js';
import { checkpointList, optionsAnswer, SCHEDULERS, UPSCALERS } from './listings.js';
import { samplerList } from './samplers.js';
import { A1111Sessions, progressAnswer } from './sessions.js';
import { drawBodyOf, txt2imgAnswer } from './txt2img.js';

/** All of /sdapi/v1 that is answered. */
export function a1111Routes({ models, jobs, clientOf, settings }: ServeContext): Hono<ServeEnv> {
  const sessions = new A1111Sessions();
  const app = new Hono<ServeEnv>().basePath('/sdapi/v1');
  const body = async <Schema extends z.ZodType>(c: Context<ServeEnv>, schema: Schema) => {
    const { fields } = await readFields(c, settings.maxBodyBytes);
    return validate(schema, fields, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  };

  app.get('/sd-models', (c) => c.json(checkpointList(models.list())));
  app.get('/samplers', (c) => c.json(samplerList()));
  app.get('/schedulers', (c) => c.json(SCHEDULERS));
  app.get('/upscalers', (c) => c.json(UPSCALERS));
  app.get('/latent-upscale-modes', (c) => c.json([]));
  app.get('/sd-vae', (c) => c.json([]));

  app.get('/options', (c) => c.json(optionsAnswer(models.resolve(sessions.modelOf(clientOf(c))).name)));
  app.post('/options', async (c) => {
    const { sd_model_checkpoint: name } = await body(c, a1111OptionsSchema);
    if (name !== undefined && name !== null && name !== '') {
      sessions.choose(clientOf(c), models.resolve(name).name);
    }
    return c.json({});
  });

  app.get('/progress', (c) => c.json(progressAnswer(sessions.jobsOf(clientOf(c)))));
  app.post('/interrupt', (c) => {
    for (const job of sessions.jobsOf(clientOf(c))) job.cancel();
    return c.json({});
  });

  app.post('/txt2img', async (c) => {
    const client = clientOf(c);
    const asked = await body(c, txt2imgSchema);
    const { request } = parseDrawRequest(drawBodyOf(asked, sessions.modelOf(client)), { unknown: 'refuse' });
    const job = jobs.submit(request, { client });
    c.get('note')({ job: job.id, ...(settings.logPrompts ? { body: asked } : {}) });
    sessions.follow(client, job);
    // One that was interrupted is answered with what was done by then, as A1111 does.
    await drawn(job, c.req.raw.signal, { cancelledToo: true });
    return c.json(await txt2imgAnswer(asked, job));
  });
  return app;
}

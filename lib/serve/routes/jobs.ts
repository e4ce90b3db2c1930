/** `/v1/jobs`: requests that are put in line, looked at, listened to and cancelled. */
import { type Context, Hono } from 'hono';
import { parseDrawRequest } from '../../config/draw-request.js';
import { base64, unixSeconds } from '../answer-values.js';
import type { ServeContext, ServeEnv } from '../context.js';
import { ApiError } from '../errors.js';
import { readFields } from '../fields.js';
import { JOB_STATUSES, type Job, type JobEvent } from '../job.js';
import { type SseMessage, sseAnswer } from '../sse.js';

const STATUSES: ReadonlySet<string> = new Set(JOB_STATUSES);

/** Media types of pictures. */
export const MEDIA_TYPES = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' } as const;

export function jobRoutes({ settings, jobs, clientOf }: ServeContext): Hono<ServeEnv> {
  const app = new Hono<ServeEnv>();

  const find = (c: Context<ServeEnv>): Job & { readonly lastEventId: number } => {
    const id = c.req.param('id') ?? '';
    const job = jobs.find(id);
    if (job !== undefined) return job;
    throw new ApiError(
      404,
      'job_not_found',
      'there is no such job: finished ones are kept for a while alone',
      {
        param: 'id',
      },
    );
  };

  app.post('/v1/jobs', async (c) => {
    const { fields: body } = await readFields(c, settings.maxBodyBytes);
    const { request } = parseDrawRequest(body, { unknown: 'refuse' });
    const job = jobs.submit(request, { client: clientOf(c) });
    c.get('note')({ job: job.id, ...(settings.logPrompts ? { body } : {}) });
    return c.json(jobJson(job), 202, { location: `/v1/jobs/${job.id}` });
  });

  app.get('/v1/jobs', (c) => {
    const status = c.req.query('status');
    if (status !== undefined && !STATUSES.has(status)) {
      const message = `status: must be one of ${[...STATUSES].join(', ')}`;
      throw new ApiError(400, 'invalid_value', message, { param: 'status' });
    }
    const own = jobs.list(clientOf(c)).filter((job) => status === undefined || job.status === status);
    return c.json({ object: 'list', data: own.map(jobJson) });
  });

  app.get('/v1/jobs/:id', (c) => c.json(jobJson(find(c))));

  app.delete('/v1/jobs/:id', (c) => {
    const job = find(c);
    job.cancel();
    c.get('note')({ job: job.id });
    return c.json(jobJson(job));
  });

  app.get('/v1/jobs/:id/images/:index', (c) => {
    const index = c.req.param('index');
    const picture = find(c).pictures.find((each) => String(each.index) === index);
    if (picture === undefined) {
      throw new ApiError(404, 'image_not_found', `the job has no picture ${index}, or not yet`, {
        param: 'index',
      });
    }
    return c.body(Buffer.from(picture.bytes), 200, { 'content-type': MEDIA_TYPES[picture.format] });
  });

  app.get('/v1/jobs/:id/events', (c) => {
    const job = find(c);
    const after = lastSeen(c);
    // An EventSource comes back for ever; this tells it that there is no more.
    if (job.status !== 'queued' && job.status !== 'running' && after >= job.lastEventId)
      return c.body(null, 204);
    return sseAnswer(c, (gone) => messages(job.events(after, gone)));
  });

  return app;
}

/** What a reader has had: its header when it comes back, or a parameter. */
function lastSeen(c: Context<ServeEnv>): number {
  const text = c.req.header('last-event-id') ?? c.req.query('after') ?? '0';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ApiError(400, 'invalid_value', 'Last-Event-ID: must be the number of an event', {
    param: 'after',
  });
}

async function* messages(events: AsyncIterable<JobEvent>): AsyncGenerator<SseMessage, void> {
  for await (const event of events) yield { event: event.type, id: event.id, data: eventJson(event) };
}

/** An event as JSON: pictures as base64. */
export function eventJson({ id: _, ...news }: JobEvent): object {
  switch (news.type) {
    case 'preview': {
      const { format, bytes, ...rest } = news;
      return { ...rest, output_format: format, b64_json: base64(bytes) };
    }
    case 'image': {
      const { bytes, format, ...rest } = news.picture;
      return { type: news.type, ...rest, output_format: format, b64_json: base64(bytes) };
    }
    case 'failed':
      return { type: news.type, ...news.error.body() };
    default:
      return news;
  }
}

/** A job as JSON. */
export function jobJson(job: Job): object {
  const { id, status, model, place, progress, pictures, error } = job;
  const self = `/v1/jobs/${id}`;
  return {
    id,
    object: 'image.job',
    status,
    created: unixSeconds(job.createdAt),
    model,
    place: place ?? null,
    step: progress.step,
    steps: progress.steps,
    eta_seconds: progress.etaSeconds,
    images: pictures.map(({ index, seed, width, height, format }) => ({
      index,
      seed,
      width,
      height,
      output_format: format,
      url: `${self}/images/${index}`,
    })),
    error: error === undefined ? null : error.body().error,
    links: { self, events: `${self}/events` },
  };
}

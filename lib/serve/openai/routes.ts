/** OpenAI's image API over the server's jobs. */
import { type Context, Hono } from 'hono';
import { type DrawRequest, parseDrawRequest } from '../../config/draw-request.js';
import type { ServeContext, ServeEnv } from '../context.js';
import { ApiError } from '../errors.js';
import { readFields } from '../fields.js';
import type { Job } from '../job.js';
import { answeredQuality, imagesAnswer } from './answer.js';
import { drawn } from './drawn.js';
import { editUnsupported, picturesOf } from './edits.js';
import { modelRoutes } from './models.js';
import { imageStream } from './stream.js';

/** Says which fields of a body meant nothing here. */
const IGNORED_HEADER = 'x-svgt2i-ignored';
/** A name that nobody chose could be of any length. */
const MAX_IGNORED_LENGTH = 500;

/**
 * /v1/images and /v1/models.
 *
 * Errors are thrown and answered by the app: SvgT2IErrors about the request become 400, ApiErrors say their own status.
 */
export function openaiRoutes(context: ServeContext): Hono<ServeEnv> {
  const { jobs, clientOf, settings } = context;
  const app = new Hono<ServeEnv>();
  app.route('/', modelRoutes(context));

  app.post('/v1/images/generations', async (c) => {
    const { fields } = await readFields(c, settings.maxBodyBytes);
    const { request, ignored } = parseDrawRequest(fields, { unknown: 'ignore' });
    const job = jobs.submit(request.stream ? request : withoutPreviews(request), { client: clientOf(c) });
    c.get('note')({ job: job.id, ...(settings.logPrompts ? { body: fields } : {}) });
    if (ignored.length > 0) c.header(IGNORED_HEADER, headerText(ignored));
    const quality = answeredQuality(fields.quality);
    if (request.stream) return imageStream(c, job, quality);
    await drawn(job, c.req.raw.signal);
    return c.json(imagesAnswer(job, { quality, urlOf: urlsOf(c, job, request) }));
  });

  // No model here takes a picture, whatever the form says.
  for (const path of ['/v1/images/edits', '/v1/images/variations']) {
    app.post(path, async (c) => {
      throw await editRefusal(c, context);
    });
  }
  return app;
}

/** Nobody gets them in an answer that comes as a whole. */
function withoutPreviews(request: DrawRequest): DrawRequest {
  return { ...request, previews: 0, previewEvery: undefined };
}

async function editRefusal(c: Context<ServeEnv>, { models, settings }: ServeContext): Promise<ApiError> {
  try {
    const body = await readFields(c, settings.maxBodyBytes);
    const { model } = body.fields;
    return editUnsupported(
      models.resolve(typeof model === 'string' ? model : undefined).name,
      picturesOf(body),
    );
  } catch (error) {
    // Pictures are large, and that a smaller one would be welcome is not so.
    if (!(error instanceof ApiError) || error.status !== 413) throw error;
    return editUnsupported(models.resolve(undefined).name, undefined);
  }
}

/** Where pictures are fetched while their job is kept, on the host that the client called; undefined for base64. */
function urlsOf(c: Context<ServeEnv>, job: Job, request: DrawRequest) {
  if (request.responseFormat === 'b64_json') return undefined;
  const base = new URL(c.req.url);
  // Behind a proxy that speaks TLS the request comes in as plain HTTP.
  if (c.req.header('x-forwarded-proto') === 'https') base.protocol = 'https:';
  return ({ index }: { readonly index: number }) => new URL(`/v1/jobs/${job.id}/images/${index}`, base).href;
}

/** Names of anybody's making in a header: printable ASCII, and not too long. */
function headerText(names: readonly string[]): string {
  return names
    .join(', ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, MAX_IGNORED_LENGTH);
}

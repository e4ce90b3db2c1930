/** The stream of /v1/images/generations: OpenAI's published events; progress is told in comments, which clients skip. */
import type { Context } from 'hono';
import type { ServeEnv } from '../context.js';
import { type ApiError, cancelled } from '../errors.js';
import type { Job, JobEvent } from '../job.js';
import { type SseMessage, sseAnswer } from '../sse.js';
import { completedImage, partialImage, type Quality } from './answer.js';

/** Answers with a job's events; when the caller hangs up, it is cancelled. */
export function imageStream(c: Context<ServeEnv>, job: Job, quality: Quality): Response {
  return sseAnswer(c, (gone) => {
    // Beside the end of the messages: they may not have begun when the caller is gone.
    gone.addEventListener('abort', () => job.cancel(), { once: true });
    if (c.req.raw.signal.aborted) job.cancel();
    return imageMessages(job, quality, gone);
  });
}

/**
 * What the stream says of a job, up to its end.
 *
 * @param gone aborted when nobody reads any more
 */
export async function* imageMessages(
  job: Job,
  quality: Quality,
  gone: AbortSignal,
): AsyncGenerator<SseMessage, void> {
  /** Previews of each picture so far. */
  const partials = new Map<number, number>();
  try {
    for await (const event of job.events(0, gone)) {
      if (event.type !== 'preview') {
        const message = messageOf(event, quality);
        if (message !== undefined) yield message;
        continue;
      }
      const count = partials.get(event.index) ?? 0;
      partials.set(event.index, count + 1);
      yield named(partialImage(event, count, { width: job.width, height: job.height, quality }));
    }
  } finally {
    // Of a job that has ended this changes nothing.
    job.cancel();
  }
}

function messageOf(event: Exclude<JobEvent, { type: 'preview' }>, quality: Quality): SseMessage | undefined {
  switch (event.type) {
    case 'queued':
      return { comment: `queued, place ${event.place}` };
    case 'encode':
      return { comment: 'drawing' };
    case 'step':
      return { comment: stepText(event) };
    case 'warning':
      return { comment: `warning: ${event.message.replace(/\s+/g, ' ')}` };
    case 'image':
      return named(completedImage(event.picture, quality));
    case 'failed':
      return errorMessage(event.error);
    case 'cancelled':
      return errorMessage(cancelled());
    case 'done':
      return undefined;
  }
}

function stepText({ step, steps, eta_seconds: eta }: Extract<JobEvent, { type: 'step' }>): string {
  const of = steps === 0 ? '' : ` of ${steps}`;
  return `step ${step}${of}${eta === null ? '' : `, ${eta} s left`}`;
}

/** Clients go by the data's `type`, some by the event's name. */
function named(data: { readonly type: string }): SseMessage {
  return { event: data.type, data };
}

/** With an `error` object, which alone makes clients throw. */
function errorMessage(error: ApiError): SseMessage {
  return { event: 'error', data: { type: 'error', ...error.body() } };
}

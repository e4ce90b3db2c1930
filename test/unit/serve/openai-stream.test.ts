/** What the OpenAI stream makes of a job's events, and when it ends the job. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { ServeEnv } from '../../../lib/serve/context.js';
import { ApiError } from '../../../lib/serve/errors.js';
import type { Job, JobNews } from '../../../lib/serve/job.js';
import { imageMessages, imageStream } from '../../../lib/serve/openai/stream.js';
import type { SseMessage } from '../../../lib/serve/sse.js';

/** A job that tells what it is given; `cancelled` counts. */
function telling(news: readonly JobNews[]) {
  const calls = { cancelled: 0 };
  const job = {
    width: 64,
    height: 32,
    cancel: () => void calls.cancelled++,
    async *events() {
      for (const [i, each] of news.entries()) yield { ...each, id: i + 1 };
    },
  } as unknown as Job;
  return { job, calls };
}

async function messages(news: readonly JobNews[]): Promise<readonly SseMessage[]> {
  const all: SseMessage[] = [];
  for await (const message of imageMessages(telling(news).job, 'high', new AbortController().signal)) {
    all.push(message);
  }
  return all;
}

const bytes = new Uint8Array([1, 2, 3]);
const preview = (index: number, step: number): JobNews => ({
  type: 'preview',
  index,
  step,
  format: 'jpeg',
  bytes,
});

describe('imageMessages', () => {
  it('tells progress in comments of one line', async () => {
    expect(
      await messages([
        { type: 'queued', place: 3 },
        { type: 'encode' },
        { type: 'step', step: 1, steps: 8, eta_seconds: 2.5 },
        { type: 'step', step: 2, steps: 0, eta_seconds: null },
        { type: 'warning', message: 'the prompt\nis cut' },
      ]),
    ).toEqual([
      { comment: 'queued, place 3' },
      { comment: 'drawing' },
      { comment: 'step 1 of 8, 2.5 s left' },
      { comment: 'step 2' },
      { comment: 'warning: the prompt is cut' },
    ]);
  });

  it("counts each picture's previews from 0, and repeats the picture's size", async () => {
    const told = await messages([preview(0, 2), preview(1, 2), preview(0, 4)]);
    expect(told).toMatchObject([
      { event: 'image_generation.partial_image', data: { index: 0, partial_image_index: 0, size: '64x32' } },
      { data: { index: 1, partial_image_index: 0 } },
      { data: { index: 0, partial_image_index: 1, b64_json: 'AQID', output_format: 'jpeg' } },
    ]);
  });

  it.each<[string, JobNews]>([
    ['queue_full', { type: 'failed', error: new ApiError(503, 'queue_full', 'too many') }],
    ['cancelled', { type: 'cancelled' }],
  ])('ends with an error object: %s', async (code, news) => {
    expect(await messages([news])).toMatchObject([
      { event: 'error', data: { type: 'error', error: { code } } },
    ]);
  });

  it('ends the job of a caller who has gone before it begins', async () => {
    const { job, calls } = telling([{ type: 'encode' }]);
    const app = new Hono<ServeEnv>();
    app.get('/', (c) => {
      c.set('pingMs', 1000);
      return imageStream(c, job, 'high');
    });
    await app.request('/', { signal: AbortSignal.abort() });
    expect(calls.cancelled).toBeGreaterThan(0);
  });

  it('ends the job of a reader who leaves', async () => {
    const { job, calls } = telling([{ type: 'encode' }, { type: 'encode' }]);
    for await (const _ of imageMessages(job, 'high', new AbortController().signal)) break;
    expect(calls.cancelled).toBe(1);
  });
});

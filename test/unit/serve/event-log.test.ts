// A job's events: numbers, what is thinned out, readers that come late, read slowly or leave.
import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../lib/serve/event-log.js';
import type { JobEvent, JobPicture } from '../../../lib/serve/job.js';

const seconds = { queued: 0, drawing: 1, encode: 0, sample: 1, decode: 0 };
const step = (number: number) => ({ type: 'step', step: number, steps: 9, eta_seconds: 1 }) as const;
const preview = (index: number) =>
  ({ type: 'preview', index, step: 1, format: 'jpeg', bytes: new Uint8Array(1) }) as const;
const picture: JobPicture = {
  index: 0,
  seed: 1,
  width: 1,
  height: 1,
  format: 'png',
  bytes: new Uint8Array(1),
};

async function read(log: EventLog, after = 0, signal?: AbortSignal): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of log.after(after, signal)) events.push(event);
  return events;
}
const shown = (events: readonly JobEvent[]) => events.map(({ id, type }) => `${id} ${type}`);

describe('EventLog', () => {
  it('keeps the last of each progress, every picture, and the end', async () => {
    const log = new EventLog();
    for (const place of [3, 2, 1]) log.push({ type: 'queued', place });
    log.push({ type: 'encode' });
    for (const number of [1, 2, 3]) log.push(step(number));
    for (const index of [0, 1, 1]) log.push(preview(index));
    log.push({ type: 'image', picture });
    log.push({ type: 'warning', message: 'w' });
    expect(shown(await read(log, 0, AbortSignal.timeout(5)))).toEqual([
      '3 queued',
      '4 encode',
      '7 step',
      '10 preview',
      '11 image',
      '12 warning',
    ]);
    log.push({ type: 'done', seconds });
    log.push(step(9));
    expect(shown(await read(log, 7))).toEqual(['11 image', '12 warning', '13 done']);
    expect(log.lastId).toBe(13);
  });

  it('tells each reader what comes, from where it was', async () => {
    const log = new EventLog();
    log.push({ type: 'encode' });
    const [early, late] = [read(log), read(log, 1)];
    await new Promise((resolve) => setImmediate(resolve));
    log.push(step(1));
    log.push({ type: 'cancelled' });
    // A reader that was not asked in between has missed nothing but steps.
    expect(shown(await early)).toEqual(['1 encode', '2 step', '3 cancelled']);
    expect(shown(await late)).toEqual(['2 step', '3 cancelled']);
  });

  it('holds nothing for a reader that does not read', async () => {
    const log = new EventLog();
    const reader = log.after(0)[Symbol.asyncIterator]();
    log.push(step(1));
    expect((await reader.next()).value).toMatchObject({ step: 1 });
    for (let number = 2; number < 9; number++) log.push(step(number));
    expect((await reader.next()).value).toMatchObject({ id: 8, step: 8 });
  });

  it('lets a reader go by its signal', async () => {
    const log = new EventLog();
    const controller = new AbortController();
    const reading = read(log, 0, controller.signal);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(await reading).toEqual([]);
  });
});

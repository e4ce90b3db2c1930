import { expect, it } from 'vitest';
import { EventQueue } from '../../lib/pipeline/event-queue.js';

const never = new AbortController().signal;

async function collect(generator: AsyncGenerator<number, string>): Promise<[number[], string]> {
  const events: number[] = [];
  for (;;) {
    const next = await generator.next();
    if (next.done) return [events, next.value];
    events.push(next.value);
  }
}

it('gives events in order, then the result', async () => {
  const queue = new EventQueue<number>();
  const work = (async () => {
    for (let i = 0; i < 5; i++) {
      queue.push(i);
      if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return 'done';
  })();
  expect(await collect(queue.drain(work, never))).toEqual([[0, 1, 2, 3, 4], 'done']);
});

it('gives the events before an error', async () => {
  const queue = new EventQueue<number>();
  queue.push(1);
  const generator = queue.drain(Promise.reject(new Error('broken')), never);
  expect(await generator.next()).toEqual({ done: false, value: 1 });
  await expect(generator.next()).rejects.toThrow('broken');
});

it('gives nothing but the outcome after its signal', async () => {
  const queue = new EventQueue<number>();
  const left = new AbortController();
  queue.push(1);
  queue.push(2);
  const generator = queue.drain(Promise.reject(new Error('cancelled')), left.signal);
  expect(await generator.next()).toEqual({ done: false, value: 1 });
  left.abort();
  await expect(generator.next()).rejects.toThrow('cancelled');
});

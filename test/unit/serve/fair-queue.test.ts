// Whose turn it is: clients by turns, tokens that fit, owners that leave.
import { describe, expect, it } from 'vitest';
import { FairQueue, type Task } from '../../../lib/serve/fair-queue.js';

/** A queue whose tasks end when the test says so. */
function queueOf(limits: { maxTokens?: number; maxTasks?: number } = {}) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const queue = new FairQueue<string>({ maxTokens: 4, maxTasks: 1, ...limits }, () => undefined);
  const task = (client: string, name: string, tokens = 1): Task<string> => ({
    ...{ owner: name, client, tokens },
    run: () => {
      begun.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    },
  });
  const end = async (name: string) => {
    ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, begun, task, end };
}

describe('FairQueue', () => {
  it('takes turns between clients, and each in its order', async () => {
    const { queue, begun, task, end } = queueOf();
    queue.add(['a1', 'a2', 'a3'].map((name) => task('a', name)));
    queue.add(['b1', 'b2'].map((name) => task('b', name)));
    queue.add([task('c', 'c1')]);
    expect([...queue.inOrder()].map(({ owner }) => owner)).toEqual(['a2', 'b1', 'c1', 'a3', 'b2']);
    for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) await end(name);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
    expect([queue.running, queue.tokens, queue.waiting]).toEqual([0, 0, 0]);
  });

  it('has a client that comes later wait for one turn of each, however many they have', async () => {
    const { queue, begun, task, end } = queueOf();
    queue.add(['a1', 'a2', 'a3', 'a4'].map((name) => task('a', name)));
    queue.add([task('b', 'b1')]);
    for (const name of ['a1', 'a2', 'b1', 'a3']) await end(name);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3', 'a4']);
  });

  it('runs together what fits, one always, and passes no large one', async () => {
    const { queue, begun, task, end } = queueOf({ maxTokens: 4, maxTasks: 3 });
    queue.add([task('a', 'small', 3), task('a', 'huge', 9), task('a', 'tiny', 1)]);
    expect(begun).toEqual(['small']);
    await end('small');
    expect([begun, queue.tokens]).toEqual([['small', 'huge'], 9]);
    await end('huge');
    queue.add(['x', 'y', 'z'].map((name) => task('b', name)));
    // tiny, x and y are three.
    expect(begun).toEqual(['small', 'huge', 'tiny', 'x', 'y']);
    expect([queue.hasRoomFor(1), queue.waiting]).toEqual([false, 1]);
  });

  it('takes an owner out, and lets the next one begin where that was in its way', async () => {
    const { queue, begun, task } = queueOf({ maxTokens: 4, maxTasks: 9 });
    queue.add([task('a', 'first', 2), task('a', 'large', 4), task('a', 'fits', 2)]);
    expect(begun).toEqual(['first']);
    queue.remove('large');
    expect(begun).toEqual(['first', 'fits']);
  });

  it('begins nothing once it is closed', async () => {
    const { queue, begun, task, end } = queueOf();
    queue.add([task('a', 'a1'), task('a', 'a2')]);
    queue.close();
    await end('a1');
    expect([begun, queue.waiting]).toEqual([['a1'], 1]);
  });
});

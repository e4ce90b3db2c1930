// One computation for all who ask, which outlives whoever asked first and gave up.
import { describe, expect, it } from 'vitest';
import { Once } from '../../lib/pipeline/once.js';

describe('Once', () => {
  it('computes an answer once, for those who come meanwhile and later', async () => {
    const once = new Once<number>();
    let computed = 0;
    const compute = async () => ++computed;
    const ask = () => once.get('a', compute, undefined);
    expect([await Promise.all([ask(), ask()]), await ask(), computed]).toEqual([[1, 1], 1, 1]);
  });

  it('computes anew for others where the first gives up', async () => {
    const once = new Once<string>();
    const first = new AbortController();
    const abandoned = once.get(
      'a',
      () =>
        new Promise((_, reject) => first.signal.addEventListener('abort', () => reject(first.signal.reason))),
      first.signal,
    );
    const second = once.get('a', async () => 'second', undefined);
    first.abort(new Error('given up'));
    await expect(abandoned).rejects.toThrow('given up');
    expect(await second).toBe('second');
  });

  it('lets go of one who waits, and fails for all with what fails', async () => {
    const once = new Once<string>();
    let fail: (error: Error) => void = () => undefined;
    const first = once.get('a', () => new Promise((_, reject) => (fail = reject)), undefined);
    const waiting = new AbortController();
    const second = once.get('a', async () => 'never', waiting.signal);
    waiting.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    fail(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
  });
});

/** Values in order, with some in preparation ahead of the one who takes them. */
import { throwIfAborted, untilAborted } from '../abort.js';

/**
 * What `load` makes of each value, in their order; `ahead()` of them are being made while one is looked at. Where the reader
 * leaves, or the signal is aborted, what was begun is left to end alone.
 */
export async function* readAhead<Value, Made>(
  values: Iterable<Value>,
  load: (value: Value) => Promise<Made>,
  { ahead, signal }: { readonly ahead: () => number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Made, void, undefined> {
  const source = values[Symbol.iterator]();
  const waiting: Promise<{ readonly made: Made } | { readonly error: unknown }>[] = [];
  const refill = () => {
    while (waiting.length < Math.max(1, ahead())) {
      const next = source.next();
      if (next.done === true) return;
      // Settled as a value: a rejection that nobody waits for yet would end the process.
      waiting.push(
        load(next.value).then(
          (made) => ({ made }),
          (error: unknown) => ({ error }),
        ),
      );
    }
  };
  for (refill(); waiting.length > 0; refill()) {
    throwIfAborted(signal);
    const outcome = await untilAborted(waiting[0] as (typeof waiting)[number], signal);
    waiting.shift();
    if ('error' in outcome) throw outcome.error;
    yield outcome.made;
  }
}

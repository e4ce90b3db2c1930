/** Server-sent events: written as fast as a reader takes them, and never faster. */
import type { Context } from 'hono';
import { firstLine } from '../errors.js';
import type { ServeEnv } from './context.js';

/** An event, or a remark that programs skip. */
export type SseMessage =
  | { readonly event?: string; readonly id?: number; readonly data: object }
  | { readonly comment: string };

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx holds answers back otherwise.
  'x-accel-buffering': 'no',
};

/**
 * An answer of what `messages` yields. `gone` is aborted where the reader has left or was dropped; a message is asked for
 * only when the one before was taken. What `messages` throws ends the stream and is logged: errors that the reader is to
 * see are messages.
 */
export function sseAnswer(
  c: Context<ServeEnv>,
  messages: (gone: AbortSignal) => AsyncIterable<SseMessage>,
): Response {
  const gone = new AbortController();
  const iterator = messages(gone.signal)[Symbol.asyncIterator]();
  const fault = (error: unknown) => c.get('note')({ error: firstLine(error) });
  const leave = () => {
    gone.abort();
    // One that waits to be asked would never come to its `finally`.
    iterator.return?.().catch(fault);
  };
  const { signal } = c.req.raw;
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  let next: Promise<IteratorResult<SseMessage>> | undefined;
  let begun = false;
  let cancelled = false;
  const end = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    signal.removeEventListener('abort', leave);
    if (!cancelled) controller.close();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (!begun) {
          // At once, so that clients have headers and stop waiting for them.
          begun = true;
          controller.enqueue(encode({ comment: 'here' }));
          return;
        }
        try {
          next ??= iterator.next();
          const result = await soon(next, c.get('pingMs'), gone.signal);
          if (result === 'ping') {
            controller.enqueue(encode({ comment: 'ping' }));
            return;
          }
          next = undefined;
          if (result !== 'gone' && result.done !== true) controller.enqueue(encode(result.value));
          else end(controller);
        } catch (error) {
          fault(error);
          end(controller);
        }
      },
      cancel: () => {
        cancelled = true;
        leave();
      },
    },
    { highWaterMark: 0 },
  );
  return c.body(stream, 200, HEADERS);
}

/** The result where it comes in time. */
async function soon<Value>(
  work: Promise<Value>,
  milliseconds: number,
  gone: AbortSignal,
): Promise<Value | 'ping' | 'gone'> {
  let timer: NodeJS.Timeout | undefined;
  let leave: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<'ping'>((resolve) => {
        timer = setTimeout(() => resolve('ping'), milliseconds);
      }),
      new Promise<'gone'>((resolve) => {
        leave = () => resolve('gone');
        if (gone.aborted) leave();
        gone.addEventListener('abort', leave, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (leave !== undefined) gone.removeEventListener('abort', leave);
  }
}

function encode(message: SseMessage): Uint8Array {
  return new TextEncoder().encode(textOf(message));
}

/** Each line ends, and so does the event: without the empty line clients lose the last one. */
export function textOf(message: SseMessage): string {
  if ('comment' in message) return `: ${message.comment.replace(/[\r\n]+/g, ' ')}\n\n`;
  const { event, id, data } = message;
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

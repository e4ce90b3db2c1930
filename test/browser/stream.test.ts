/** The page's reader of event streams, and how it follows a job over breaks. */
import { describe, expect, test } from 'vitest';
import { RequestError } from '../../lib/serve/page/api.js';
import { EventParser } from '../../lib/serve/page/event-stream.js';
import { followJob } from '../../lib/serve/page/follow-job.js';

const bytes = (text: string) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });

describe('event streams', () => {
  const TEXT = ': ping\nid: 7\nevent: step\ndata: {"a":\ndata: 1}\n\nretry: 5\n\ndata:é\n\ndata: no end\n';
  const EVENTS = [
    { id: '7', type: 'step', data: '{"a":\n1}' },
    { id: '7', type: 'message', data: 'é' },
  ];

  test.each(['\n', '\r\n', '\r'])('are read with lines that end with %j, in pieces of any size', (end) => {
    const text = TEXT.replaceAll('\n', end);
    for (let size = 1; size <= text.length; size += 1) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
      expect(events).toEqual(EVENTS);
    }
  });

  test('a long line costs what it is long, not the square', () => {
    const parser = new EventParser();
    const piece = 'x'.repeat(64 * 1024);
    parser.push('data: ');
    for (let index = 0; index < 256; index += 1) parser.push(piece);
    const [event] = parser.push('\n\n');
    expect(event?.data.length).toBe(256 * piece.length);
  });
});

describe('following a job', () => {
  const event = (id: number, type: string) => `id: ${id}\ndata: ${JSON.stringify({ type })}\n\n`;

  test('it goes on behind the last event that came, and ends with the last one', async () => {
    const asked: number[] = [];
    const bodies = [
      event(1, 'encode') + event(2, 'step'),
      event(3, 'step') + event(4, 'done') + event(5, 'step'),
    ];
    const api = {
      events: async (_id: string, after: number) => {
        asked.push(after);
        return bytes(bodies[asked.length - 1] ?? '');
      },
    };
    const seen = [];
    for await (const news of followJob(api, 'job', 0, new AbortController().signal)) {
      seen.push(news.kind === 'event' ? news.id : news.kind);
    }
    expect(asked).toEqual([0, 2]);
    expect(seen).toEqual(['joined', 1, 2, 'broken', 'joined', 3, 4]);
  });

  test('an event that cannot be read is passed over, and not asked for again', async () => {
    const asked: number[] = [];
    const bodies = [`${event(1, 'step')}id: 2\ndata: {"type":\n\n`, event(3, 'done')];
    const api = {
      events: async (_id: string, after: number) => {
        asked.push(after);
        return bytes(bodies[asked.length - 1] ?? '');
      },
    };
    const seen = [];
    for await (const news of followJob(api, 'job', 0, new AbortController().signal)) {
      seen.push(news.kind === 'event' ? news.id : news.kind);
    }
    expect(asked).toEqual([0, 2]);
    expect(seen).toEqual(['joined', 1, 'broken', 'joined', 3]);
  });

  test('a refusal ends it, and so does its signal', async () => {
    const refusing = {
      events: async () => {
        throw new RequestError('there is no such job', { status: 404 });
      },
    };
    const first = followJob(refusing, 'job', 0, new AbortController().signal);
    await expect(first.next()).rejects.toThrow('there is no such job');
    const stop = new AbortController();
    const broken = {
      events: async () => {
        throw new RequestError('The server is not reached.', { status: 0 });
      },
    };
    const second = followJob(broken, 'job', 0, stop.signal);
    expect((await second.next()).value).toEqual({ kind: 'broken', message: 'The server is not reached.' });
    stop.abort(new Error('enough'));
    await expect(second.next()).rejects.toThrow('enough');
  });
});

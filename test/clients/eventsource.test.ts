/** EventSource of three makers on a job's events; docs/openai-api.md numbers what they depend on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingPackage } from './fetched.js';
import { type Served, served } from './served.js';

/** What all of them have in common. */
interface Source {
  addEventListener(
    type: string,
    listener: (event: { readonly data: string; readonly lastEventId: string }) => void,
  ): void;
  close(): void;
  readonly readyState: number;
}
type SourceClass = new (url: string, options?: object) => Source;

const CLOSED = 2;

const MAKERS = [
  { name: 'undici', missing: undefined },
  { name: 'eventsource', missing: missingPackage('eventsource') },
];

for (const { name, missing } of MAKERS) {
  describe.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (${missing})`, () => {
    let server: Served;
    beforeEach(async () => {
      server = await served();
    });
    afterEach(async () => {
      await server.close();
    });

    it('21: hears of a job up to its end, and is told that there is no more when it comes back', async () => {
      const { EventSource } = (await import(/* @vite-ignore */ name)) as {
        readonly EventSource: SourceClass;
      };
      const answer = await fetch(`${server.url}/v1/jobs`, {
        method: 'POST',
        body: JSON.stringify({ prompt: 'a red fox', preview_every: 4 }),
      });
      const job = (await answer.json()) as { readonly links: { readonly events: string } };
      const source = new EventSource(server.url + job.links.events);
      const seen: string[] = [];
      for (const type of ['encode', 'step', 'preview', 'image', 'done']) {
        source.addEventListener(type, ({ data, lastEventId }) => {
          expect(JSON.parse(data)).toMatchObject({ type });
          expect(Number(lastEventId)).toBeGreaterThan(0);
          if (seen.at(-1) !== type) seen.push(type);
        });
      }
      try {
        // It comes back by itself, with the number of the last event, and the answer 204 ends it.
        await server.until(() => source.readyState === CLOSED);
        expect(seen.at(-1)).toBe('done');
        expect(seen).toContain('image');
        expect(server.requests.filter((line) => line.includes('/events'))).toHaveLength(2);
      } finally {
        source.close();
      }
    });
  });
}

/** Drawing files with a model that is written down: what waits for what, and what becomes of pictures that fail. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SvgT2IError } from '../../../lib/errors.js';
import {
  type DrawEvent,
  type DrawHow,
  type DrawJob,
  drawFiles,
} from '../../../lib/eval/generate/draw-files.js';
import { rgbImage } from '../../../lib/image/rgb-image.js';
import { GeneratedImage } from '../../../lib/pipeline/generated-image.js';
import type { GenerateEvent, GenerateRequest } from '../../../lib/pipeline/types.js';
import type { FoundRelease } from '../../../lib/release/found-release.js';

const model = vi.hoisted(() => ({ fails: [] as number[], requests: [] as unknown[] }));
vi.mock('../../../lib/pipeline.js', () => ({
  SvgT2I: {
    loadFound: async () => ({
      warnings: ['odd files'],
      models: { device: 'cpu', dtype: 'fp32' },
      async *stream(request: GenerateRequest): AsyncGenerator<GenerateEvent> {
        model.requests.push(request);
        for (const index of request.only ?? []) {
          request.signal?.throwIfAborted();
          const error = new SvgT2IError('ERR_SVGT2I_NUMERIC', `picture ${index} is not finite`);
          if (model.fails.includes(index)) yield { type: 'failed', index, seed: index, prompt: 'p', error };
          else yield { type: 'image', index, image: image(index) };
        }
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
  },
}));

function image(index: number): GeneratedImage {
  const pixels = rgbImage(2, 2, new Uint8Array(12).fill(index));
  const metadata = { seed: index } as GeneratedImage['metadata'];
  return new GeneratedImage({ index, seed: index, prompt: 'p', pixels, metadata });
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-draw-'));
  mkdirSync(join(folder, '.parts'));
  model.fails = [];
  model.requests = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const found = { options: { threads: 3 } } as FoundRelease<never>;
const files = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ path: `${i}.png`, pictures: [i] }));

async function draw(more: Partial<DrawJob> = {}, how: Partial<DrawHow> = {}): Promise<readonly DrawEvent[]> {
  const events: DrawEvent[] = [];
  const job = {
    model: {} as DrawJob['model'],
    settings: { count: 1, seed: 0, seedMode: 'each' },
    subjects: { prompt: ['p'] },
    files: files(3),
    folder,
    parts: join(folder, '.parts'),
    ...more,
  } satisfies DrawJob;
  await drawFiles(found, job, {
    signal: undefined,
    onEvent: (event) => void events.push(event),
    onLoaded: async () => undefined,
    ...how,
  });
  return events;
}
const pictures = () => readdirSync(folder).filter((name) => name.endsWith('.png'));

it('draws nothing before what has to be done first is done', async () => {
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const drawnIn: unknown[] = [];
  const drawing = draw({}, { onLoaded: (where) => gate.then(() => void drawnIn.push(where)) });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([model.requests, pictures()]).toEqual([[], []]);
  go();
  expect(await drawing).toHaveLength(4);
  expect(drawnIn).toEqual([{ device: 'cpu', dtype: 'fp32', threads: 3 }]);
  expect(pictures()).toEqual(['0.png', '1.png', '2.png']);
});

it('ends where that fails, without a picture', async () => {
  const full = new SvgT2IError('ERR_SVGT2I_DISK_FULL', 'no space');
  await expect(draw({}, { onLoaded: () => Promise.reject(full) })).rejects.toBe(full);
  expect(pictures()).toEqual([]);
});

it('tells of a picture that fails and draws the others, but ends where none can be drawn', async () => {
  model.fails = [1];
  const events = await draw();
  expect(pictures()).toEqual(['0.png', '2.png']);
  expect(events.filter(({ type }) => type === 'failed')).toMatchObject([
    {
      path: '1.png',
      index: 1,
      seed: 1,
      error: { code: 'ERR_SVGT2I_NUMERIC', message: 'picture 1 is not finite' },
    },
  ]);
  model.fails = Array.from({ length: 30 }, (_, i) => i);
  await expect(draw({ files: files(30) })).rejects.toThrow('picture 9 is not finite');
});

it('goes on in no other precision than that of what is there', async () => {
  await expect(draw({ dtype: 'bf16' })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_RUN_FOLDER',
    hint: 'Pass --dtype bf16, or choose another --out.',
  });
  expect(model.requests).toEqual([]);
});

it('asks for the pictures of its own files alone, by prompt or by class', async () => {
  await draw({ files: [{ path: 'a.png', pictures: [4, 5] }], subjects: { class: [7] } });
  expect(model.requests).toMatchObject([{ only: [4, 5], class: [7], keepGoing: true, seedMode: 'each' }]);
  expect(pictures()).toEqual(['a.png']);
});

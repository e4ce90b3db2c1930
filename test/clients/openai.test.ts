/** The three majors of npm's `openai` against the server; docs/openai-api.md numbers what they depend on. */
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SvgT2IError } from '../../lib/errors.js';
import { missingPackage } from './fetched.js';
import { formatOf, PNG } from './pictures.js';
import { type Served, served } from './served.js';

type Client = OpenAI;
type ClientClass = typeof OpenAI;
/** The class of an error of any major. */
interface ClientError {
  readonly status?: number;
  readonly code?: string | null;
  readonly param?: string | null;
  readonly type?: string;
  readonly message: string;
}

const folder = mkdtempSync(join(tmpdir(), 'svg-clients-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const VERSIONS = [
  { name: 'openai4', streams: false, missing: missingPackage('openai4') },
  { name: 'openai', streams: true, missing: undefined },
  { name: 'openai7', streams: true, missing: missingPackage('openai7') },
];

for (const { name, streams, missing } of VERSIONS) {
  describe.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (${missing})`, () => {
    let OpenAIClass: ClientClass;
    let server: Served;

    beforeAll(async () => {
      ({ default: OpenAIClass } = (await import(/* @vite-ignore */ name)) as { default: ClientClass });
    });
    beforeEach(async () => {
      server = await served();
    });
    afterEach(async () => {
      await server.close();
    });

    const client = (options: Record<string, unknown> = {}): Client =>
      new OpenAIClass({ baseURL: `${server.url}/v1`, apiKey: 'none', ...options });
    const failure = async (work: Promise<unknown>): Promise<ClientError> => {
      const outcome = await work.then(
        () => undefined,
        (error: ClientError) => error,
      );
      if (outcome === undefined) throw new Error('it did not fail');
      return outcome;
    };

    it('1, 2: gets bare base64 of a PNG where it asks for nothing', async () => {
      const { data } = await client().images.generate({ prompt: 'a red fox' });
      expect(data).toHaveLength(1);
      expect(data?.[0]?.url).toBeUndefined();
      expect(data?.[0]?.b64_json).toMatch(/^[A-Za-z0-9+/]+=*$/);
      expect(formatOf(data?.[0]?.b64_json)).toBe('png');
    });

    it('3: may name any model, or none', async () => {
      for (const model of ['gpt-image-1', 'dall-e-2', 'anything', undefined]) {
        const { data } = await client().images.generate({ prompt: 'a red fox', ...(model ? { model } : {}) });
        expect(data).toHaveLength(1);
      }
    });

    it('4: may send auto, null and the fields of others', async () => {
      const { data } = await client({ defaultQuery: { 'api-version': '2025-04-01' } }).images.generate({
        prompt: 'a red fox',
        size: 'auto',
        quality: 'auto',
        background: 'auto',
        moderation: 'auto',
        style: 'vivid',
        user: 'someone',
        n: null,
        response_format: null,
      } as OpenAI.ImageGenerateParamsNonStreaming);
      expect(data).toHaveLength(1);
    });

    it('5: sends settings in extra_body, or beside the others', async () => {
      const ours = { seed: 7, steps: 3, guidance_scale: 2, negative_prompt: 'blur' };
      const generate = (fields: object) =>
        client().images.generate({
          prompt: 'a red fox',
          ...fields,
        } as OpenAI.ImageGenerateParamsNonStreaming);
      await generate({ extra_body: ours });
      await generate(ours);
      for (const request of server.model.begun) {
        expect(request).toMatchObject({ seed: 7, steps: 3, guidanceScale: 2, negativePrompt: 'blur' });
      }
      expect(server.model.begun).toHaveLength(2);
    });

    it('has previews drawn in streams alone', async () => {
      const fields = { prompt: 'a red fox', partial_images: 3 };
      await client().images.generate(fields);
      expect(server.model.begun).toEqual([expect.objectContaining({ previewEvery: 0 })]);
    });

    it('6: reads the forms of edits and variations, and refuses them in words', async () => {
      const file = async (index: number) =>
        // Without a name and a type: a blob of bytes.
        new File([PNG], index === 0 ? 'blob' : 'picture.png');
      const one = await failure(client().images.edit({ image: await file(0), prompt: 'a hat' }));
      expect(one).toMatchObject({ status: 400, code: 'unsupported', param: 'image' });
      expect(one.message).toContain('the picture (png)');
      const both = await failure(
        client().images.edit({
          image: [await file(0), await file(1)],
          mask: await file(1),
          prompt: 'a hat',
          n: 2,
        }),
      );
      expect(both.message).toContain('the 2 pictures (png, png) or the mask');
      const varied = await failure(client().images.createVariation({ image: await file(0) }));
      expect(varied).toMatchObject({ status: 400, code: 'unsupported' });
      // Not sent again.
      expect(server.requests).toHaveLength(3);
    });

    it('7: sends a file whose length it does not tell, and is answered before the end of it', async () => {
      const file = join(folder, 'large.png');
      // Twice what a body may have.
      writeFileSync(file, Buffer.concat([PNG, Buffer.alloc(2 * 2 ** 20)]));
      const refused = await failure(client().images.edit({ image: createReadStream(file), prompt: 'a hat' }));
      expect(refused).toMatchObject({ status: 400, code: 'unsupported' });
      expect(server.requests).toHaveLength(1);
    });

    it('9: may leave /v1 out of its address, or write slashes too many', async () => {
      for (const base of ['', '/', '//', '/v1/', '/v1//']) {
        const { data } = await client({ baseURL: server.url + base }).images.generate({
          prompt: 'a red fox',
        });
        expect(data).toHaveLength(1);
      }
    });

    it('10: gets every error as an error of its own, with code and field', async () => {
      const wrong = await failure(client().images.generate({ prompt: 'a red fox', n: 500 }));
      expect(wrong).toMatchObject({ status: 400, code: 'limit_exceeded', param: 'n' });
      expect(wrong.message).toContain('at most 10 pictures');
      const path = await failure(client({ baseURL: `${server.url}/v2` }).images.generate({ prompt: 'x' }));
      expect(path).toMatchObject({ status: 404 });
      expect(path.code).toBeTruthy();
      const large = await failure(client().images.generate({ prompt: 'x'.repeat(2 ** 21) }));
      expect(large).toMatchObject({ status: 413, code: 'body_too_large' });
    });

    it('11: does not send again what fails each time', async () => {
      server.model.failure = {
        step: 1,
        error: new SvgT2IError('ERR_SVGT2I_OUT_OF_MEMORY', 'there is too little memory'),
      };
      const memory = await failure(client().images.generate({ prompt: 'a red fox' }));
      expect(memory).toMatchObject({ status: 422, code: 'out_of_memory' });
      server.model.failure = { step: 1, error: new Error('a fault of ours') };
      const fault = await failure(client().images.generate({ prompt: 'a red fox' }));
      expect(fault).toMatchObject({ status: 500, code: 'internal_error' });
      expect(server.requests).toHaveLength(2);
    });

    it('13: ends the drawing when it hangs up', async () => {
      server.model.stepMs = 20;
      const controller = new AbortController();
      const asked = client().images.generate(
        { prompt: 'a red fox', steps: 200 } as OpenAI.ImageGenerateParamsNonStreaming,
        { signal: controller.signal },
      );
      await server.until(() => server.model.begun.length === 1);
      controller.abort();
      await expect(asked).rejects.toThrow();
      await server.until(() => server.model.aborted === 1);
    });

    it('12, 13: waits as long as a full queue says, and leaves the line when it hangs up', async () => {
      await server.close();
      server = await served({ maxQueue: 1, maxBatch: 1 });
      const ask = (signal?: AbortSignal) =>
        client().images.generate({ prompt: 'a red fox' }, signal === undefined ? {} : { signal });
      // From the first one on the server knows how long a picture takes.
      await ask();
      server.model.hold();
      const drawn = ask();
      await server.until(() => server.model.begun.length === 2);
      const leave = new AbortController();
      const waiting = failure(ask(leave.signal));
      await server.until(() => server.requests.length === 3);
      // Refused, and sent again once there is room.
      const refused = ask();
      await server.until(() => server.statuses.includes(429));
      leave.abort();
      expect((await waiting).message).toContain('aborted');
      server.model.release();
      expect((await Promise.all([drawn, refused])).map(({ data }) => data?.length)).toEqual([1, 1]);
      // The one that left was never begun.
      expect(server.model.begun).toHaveLength(3);
    });

    it('lists models, and finds one by its name', async () => {
      const names: string[] = [];
      for await (const model of client().models.list()) names.push(model.id);
      expect(names).toEqual(['squares']);
      expect(await client().models.retrieve('squares')).toMatchObject({ id: 'squares', object: 'model' });
      expect(await failure(client().models.retrieve('circles'))).toMatchObject({ status: 404 });
    });

    describe.skipIf(!streams)(streams ? 'streams' : 'streams (it has none of pictures)', () => {
      const ask = (fields: object = {}) =>
        client().images.generate({
          prompt: 'a red fox',
          stream: true,
          ...fields,
        } as OpenAI.ImageGenerateParamsStreaming);

      it('15, 16, 19: gets the published events alone, previews small and spread', async () => {
        const events: OpenAI.ImageGenStreamEvent[] = [];
        for await (const event of await ask({ partial_images: 3, size: '512x512', n: 2 })) events.push(event);
        const partials = events.filter((event) => event.type === 'image_generation.partial_image');
        const completed = events.filter((event) => event.type === 'image_generation.completed');
        expect(partials).toHaveLength(6);
        expect(completed).toHaveLength(2);
        expect(events).toHaveLength(8);
        for (const { b64_json, output_format, size, partial_image_index } of partials) {
          expect(formatOf(b64_json)).toBe('jpeg');
          expect(b64_json.length).toBeLessThan(40_000);
          expect([output_format, size]).toEqual(['jpeg', '512x512']);
          expect([0, 1, 2]).toContain(partial_image_index);
        }
        for (const { b64_json, created_at, background, usage } of completed) {
          expect(formatOf(b64_json)).toBe('png');
          expect(created_at).toBeTypeOf('number');
          expect(background).toBe('opaque');
          expect(usage.total_tokens).toBe(0);
        }
      });

      it('13: ends the drawing when it leaves the loop', async () => {
        server.model.stepMs = 20;
        for await (const event of await ask({ partial_images: 3, steps: 100, size: '512x512' })) {
          expect(event.type).toBe('image_generation.partial_image');
          break;
        }
        await server.until(() => server.model.aborted === 1);
      });

      it('14: has the answer before the first step', async () => {
        server.model.hold();
        const stream = await ask();
        server.model.release();
        const types: string[] = [];
        for await (const { type } of stream) types.push(type);
        expect(types).toEqual(['image_generation.completed']);
      });

      it('14: goes on over a time in which it would give up on a silent stream', async () => {
        await server.close();
        // A ping each third of it.
        server = await served({ stallSeconds: 0.6 });
        server.model.hold();
        const dispatcher = new Agent({ bodyTimeout: 1000 });
        const stream = await client({ fetch: undiciFetch, fetchOptions: { dispatcher } }).images.generate({
          prompt: 'a red fox',
          stream: true,
        });
        setTimeout(() => server.model.release(), 1800);
        const types: string[] = [];
        for await (const { type } of stream) types.push(type);
        expect(types).toEqual(['image_generation.completed']);
        await dispatcher.close();
      });

      it('17, 18: throws what fails in mid-stream, once and with its code', async () => {
        server.model.failure = {
          step: 5,
          error: new SvgT2IError('ERR_SVGT2I_NUMERIC', 'the numbers are not finite'),
        };
        const events: unknown[] = [];
        const read = async () => {
          for await (const event of await ask({ partial_images: 3 })) events.push(event);
        };
        const error = await failure(read());
        expect(error).toMatchObject({ code: 'not_finite' });
        expect(error.message).toContain('the numbers are not finite');
        expect(events.length).toBeGreaterThan(0);
        expect(server.requests).toHaveLength(1);
      });

      it('has errors before the stream as those of any request', async () => {
        expect(await failure(ask({ n: 0 }) as Promise<unknown>)).toMatchObject({ status: 400, param: 'n' });
      });
    });
  });
}

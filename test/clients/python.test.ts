/** PyPI's `openai` and LiteLLM against the server; docs/openai-api.md numbers what they depend on. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SvgT2IError } from '../../lib/errors.js';
import { missingPython, PYTHON_FOLDER } from './fetched.js';
import { type Served, served } from './served.js';

const run = promisify(execFile);
const DRIVER = join(import.meta.dirname, 'python/drive.py');

let server: Served;
beforeEach(async () => {
  server = await served();
});
afterEach(async () => {
  await server.close();
});

async function drive(what: string): Promise<Record<string, unknown>> {
  const { stdout } = await run('python3', [DRIVER, server.url, what], {
    // LiteLLM asks the network for its table of prices otherwise.
    env: { ...process.env, PYTHONPATH: PYTHON_FOLDER, LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** A server whose only place is taken, until it has refused somebody. */
async function whileFull(what: string): Promise<Record<string, unknown>> {
  await server.close();
  server = await served({ maxQueue: 0, maxBatch: 1 });
  const draw = () =>
    fetch(`${server.url}/v1/images/generations`, { method: 'POST', body: '{"prompt": "a"}' });
  // From the first one on the server knows how long a picture takes.
  await draw();
  server.model.hold();
  const first = draw();
  await server.until(() => server.model.begun.length === 2);
  const driven = drive(what);
  await server.until(() => server.statuses.includes(429));
  server.model.release();
  await first;
  return driven;
}

const noOpenai = missingPython('openai');
describe.skipIf(noOpenai !== undefined)(noOpenai === undefined ? 'openai' : `openai (${noOpenai})`, () => {
  it('1 to 6, 9, 10, 15, 16: draws, streams, and has every error with its code', async () => {
    const results = await drive('openai');
    expect(results.plain).toEqual({ n: 1, kind: 'png', created: expect.any(Number) });
    expect(results.extra).toEqual({ seed: 7 });
    expect(server.model.begun[1]).toMatchObject({ seed: 7, steps: 3, negativePrompt: 'blur' });
    expect(results.edit).toMatchObject({ class: 'BadRequestError', code: 'unsupported', param: 'image' });
    expect(results.edit).toMatchObject({ message: expect.stringContaining('the 2 pictures (png, png)') });
    expect(results.wrong).toMatchObject({ status: 400, code: 'limit_exceeded', param: 'n' });
    expect(results.path).toMatchObject({ class: 'NotFoundError', status: 404 });
    expect(results.stream).toEqual([
      ['image_generation.partial_image', 'jpeg'],
      ['image_generation.partial_image', 'jpeg'],
      ['image_generation.completed', 'png'],
    ]);
    // Nothing was sent again.
    expect(server.requests).toHaveLength(6);
  });

  it('11, 17: throws what fails on the way, and does not send again what fails each time', async () => {
    server.model.failure = {
      step: 5,
      error: new SvgT2IError('ERR_SVGT2I_OUT_OF_MEMORY', 'there is too little memory'),
    };
    const { stream, whole } = await drive('failure');
    expect(stream).toMatchObject({ code: 'out_of_memory' });
    expect(whole).toMatchObject({ status: 422, code: 'out_of_memory' });
    expect(server.requests).toHaveLength(2);
  });

  it('12: waits as long as a full queue says', async () => {
    expect(await whileFull('queue')).toEqual({ waited: { n: 1 } });
  });

  it('13: ends the drawing when it has waited for too long', async () => {
    server.model.hold();
    const { openai } = await drive('timeout');
    expect(openai).toMatchObject({ class: 'APITimeoutError' });
    await server.until(() => server.model.aborted === 1);
  });
});

const noLitellm = missingPython('litellm');
describe.skipIf(noLitellm !== undefined)(
  noLitellm === undefined ? 'litellm' : `litellm (${noLitellm})`,
  () => {
    it('1, 5, 6: draws with settings beside the others, and is refused an edit in words', async () => {
      const results = await drive('litellm');
      expect(results.plain).toEqual({ n: 1, kind: 'png' });
      expect(server.model.begun[0]).toMatchObject({ seed: 7, steps: 3 });
      expect(results.edit).toMatchObject({
        status: 400,
        message: expect.stringContaining('draws from text alone'),
      });
    });

    it('12: waits as long as a full queue says', async () => {
      expect(await whileFull('litellm-queue')).toEqual({ waited: { n: 1 } });
    });
  },
);

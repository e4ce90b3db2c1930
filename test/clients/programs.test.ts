/** Requests of programs that people draw with, written out as these programs send them: Open WebUI, LibreChat, SillyTavern. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatOf, PNG } from './pictures.js';
import { type Served, served } from './served.js';

const KEY = 'sixteen-letters-or-more';
let server: Served;

beforeAll(async () => {
  server = await served({ apiKey: KEY });
});
beforeEach(() => {
  server.model.stepMs = 0;
});
afterAll(async () => {
  await server.close();
});

interface Sent {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, whose fields each test names
  readonly json: any;
}

async function send(path: string, init: RequestInit & { readonly auth: string }): Promise<Sent> {
  const { auth, headers, ...rest } = init;
  const answer = await fetch(server.url + path, {
    ...rest,
    headers: { authorization: auth, ...(headers as Record<string, string>) },
  });
  return { status: answer.status, json: await answer.json() };
}

const basic = (name: string) => `Basic ${Buffer.from(`${name}:${KEY}`).toString('base64')}`;
const post = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) => ({
  method: 'POST',
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const lastRequest = () => server.model.begun.at(-1);

describe('Open WebUI', () => {
  const auth = `Bearer ${KEY}`;

  it('3, 4, 9: draws by OpenAI, with a model of its own, parameters and an address joined by hand', async () => {
    const body = {
      model: 'dall-e-2',
      prompt: 'a red fox',
      n: 1,
      size: '512x512',
      response_format: 'b64_json',
      steps: 4,
      guidance_scale: 3,
    };
    for (const path of ['/v1//images/generations', '/images/generations?api-version=2024-02-01']) {
      const { status, json } = await send(path, { ...post(body), auth });
      expect(status).toBe(200);
      expect(formatOf(json.data[0].b64_json)).toBe('png');
      expect(json.data[0].url).toBeUndefined();
      expect(lastRequest()).toMatchObject({ width: 512, height: 512, steps: 4, guidanceScale: 3 });
    }
  });

  it('6: sends pictures by a form with numbers as texts', async () => {
    const form = new FormData();
    form.append('model', 'gpt-image-1');
    form.append('prompt', 'a hat');
    form.append('n', '1');
    form.append('size', '512x512');
    form.append('image[]', new Blob([PNG], { type: 'image/png' }), '1c0f.png');
    const { status, json } = await send('/v1/images/edits', { method: 'POST', body: form, auth });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: 'unsupported', param: 'image' });
  });

  it('draws by A1111, with the model that it sets before', async () => {
    const options = await send('/sdapi/v1/options', { auth: basic('user') });
    expect(options.json.sd_model_checkpoint).toBe('squares');
    const models = await send('/sdapi/v1/sd-models', { auth: basic('user') });
    expect(models.json).toMatchObject([{ title: 'squares', model_name: 'squares' }]);
    const set = await send('/sdapi/v1/options', { ...post(options.json), auth: basic('user') });
    expect(set.status).toBe(200);
    const body = {
      prompt: 'a red fox',
      batch_size: 2,
      width: 64,
      height: 48,
      steps: 5,
      negative_prompt: 'blur',
    };
    const { json } = await send('/sdapi/v1/txt2img', { ...post(body), auth: basic('user') });
    expect(json.images.map(formatOf)).toEqual(['png', 'png']);
    expect(JSON.parse(json.info)).toMatchObject({ prompt: 'a red fox', width: 64, height: 48, steps: 5 });
    expect(lastRequest()).toMatchObject({ width: 64, height: 48, steps: 5, negativePrompt: 'blur' });
  });
});

describe('LibreChat', () => {
  it('3, 4: draws with a model of a fixed name and auto in all places', async () => {
    const body = {
      model: 'gpt-image-1',
      prompt: 'a red fox',
      n: 1,
      background: 'auto',
      output_format: 'webp',
      output_compression: 80,
      quality: 'auto',
      size: 'auto',
    };
    const { status, json } = await send('/v1/images/generations', { ...post(body), auth: `Bearer ${KEY}` });
    expect(status).toBe(200);
    expect(formatOf(json.data[0].b64_json)).toBe('webp');
    expect(json.output_format).toBe('webp');
  });

  it('6: sends pictures by a form without a count, and a key as Azure wants it', async () => {
    const form = new FormData();
    for (const [name, text] of [
      ['model', 'gpt-image-1'],
      ['prompt', 'a hat'],
      ['quality', 'auto'],
      ['size', 'auto'],
    ] as const) {
      form.append(name, text);
    }
    form.append('image[]', new Blob([PNG], { type: 'application/octet-stream' }), 'blob');
    const answer = await fetch(`${server.url}/v1/images/edits?api-version=1`, {
      method: 'POST',
      body: form,
      headers: { 'api-key': KEY },
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 'unsupported' } });
  });
});

describe('SillyTavern', () => {
  const auth = basic('user');
  /** As its server hands it on; `undefined` is left out by JSON. */
  const request = {
    url: 'http://127.0.0.1:7860',
    auth: `user:${KEY}`,
    prompt: 'a red fox',
    negative_prompt: 'lowres',
    sampler_name: 'DPM++ 2M',
    scheduler: 'automatic',
    steps: 6,
    cfg_scale: 7,
    width: 64,
    height: 64,
    restore_faces: false,
    enable_hr: false,
    hr_upscaler: 'Latent',
    hr_scale: 1,
    hr_additional_modules: [],
    denoising_strength: 0.7,
    hr_second_pass_steps: 0,
    override_settings: { CLIP_stop_at_last_layers: 1 },
    override_settings_restore_afterwards: true,
    clip_skip: 1,
    save_images: true,
    send_images: true,
    do_not_save_grid: false,
    do_not_save_samples: false,
  };

  it('asks for lists, and finds them as it reads them', async () => {
    const list = async (name: string) => (await send(`/sdapi/v1/${name}`, { auth })).json;
    expect((await list('samplers')).map(({ name }: { name: string }) => name)).toContain('dpm++');
    expect((await list('schedulers')).map(({ name }: { name: string }) => name)).toEqual(['automatic']);
    expect((await list('upscalers')).map(({ name }: { name: string }) => name)).toEqual(['None']);
    expect(await list('latent-upscale-modes')).toEqual([]);
    expect(await list('sd-vae')).toEqual([]);
    // It waits for these numbers after it has set a model.
    expect(await list('progress')).toMatchObject({ progress: 0, state: { job_count: 0 } });
    expect(Object.keys(await list('options'))).not.toContain('forge_preset');
  });

  it('draws, with all fields that it sends', async () => {
    const { status, json } = await send('/sdapi/v1/txt2img', { ...post({ ...request, seed: 12 }), auth });
    expect(status).toBe(200);
    expect(formatOf(json.images[0])).toBe('png');
    expect(JSON.parse(json.info)).toMatchObject({ seed: 12, sampler_name: 'dpm++', cfg_scale: 7 });
    expect(lastRequest()).toMatchObject({ solver: 'dpm++', steps: 6, guidanceScale: 7, seed: 12 });
  });

  it('draws another picture each time where it sends no seed, or -1', async () => {
    const draw = async (fields: object) =>
      (await send('/sdapi/v1/txt2img', { ...post({ ...request, ...fields }), auth })).json.images[0];
    const pictures = [await draw({}), await draw({ seed: -1 }), await draw({ seed: '-1' })];
    expect(new Set(pictures).size).toBe(3);
  });

  it('is told of a sampler that is not there', async () => {
    const body = { ...request, sampler_name: 'Euler a' };
    const { status, json } = await send('/sdapi/v1/txt2img', { ...post(body), auth });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: 'sampler_not_found', param: 'sampler_name' });
    expect(json.error.message).toContain('did you mean "euler"?');
  });

  it('13: interrupts what it draws, and sees how far it is', async () => {
    server.model.stepMs = 10;
    const asked = send('/sdapi/v1/txt2img', { ...post({ ...request, steps: 150 }), auth });
    const far = async () => (await send('/sdapi/v1/progress', { auth })).json;
    let progress = await far();
    while (progress.state.sampling_step === 0) progress = await far();
    expect(progress.progress).toBeGreaterThan(0);
    expect(progress.state).toMatchObject({ job_count: 1, sampling_steps: 150 });
    await send('/sdapi/v1/interrupt', { method: 'POST', auth });
    expect((await asked).json.images).toEqual([]);
    expect(await far()).toMatchObject({ progress: 0, state: { job_count: 0 } });
  });
});

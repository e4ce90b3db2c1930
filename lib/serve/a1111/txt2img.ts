/** /sdapi/v1/txt2img as a body of our own API, and our pictures as its answer. */
import type { Txt2img } from '../../config/a1111-request.js';
import { infotextOf } from '../../image/infotext.js';
import { readParameters } from '../../image/parameters.js';
import { base64 } from '../answer-values.js';
import type { Job } from '../job.js';
import { solverOf } from './samplers.js';

/**
 * The body of our own API that draws the same.
 *
 * @param model that the client chose before; the request's own comes first
 * @throws ApiError 400 for a sampler that is not known
 */
export function drawBodyOf(body: Txt2img, model: string | undefined): Readonly<Record<string, unknown>> {
  const { width, height, seed } = body;
  return {
    prompt: body.prompt ?? '',
    negative_prompt: body.negative_prompt,
    model: body.override_settings?.sd_model_checkpoint ?? model,
    n: (body.batch_size ?? 1) * (body.n_iter ?? 1),
    width: width ?? height,
    height: height ?? width,
    num_inference_steps: body.steps,
    guidance_scale: body.cfg_scale,
    solver: solverOf(body.sampler_name ?? body.sampler_index),
    seed: seed === undefined || seed === null || seed < 0 ? undefined : seed,
    output_format: 'png',
  };
}

/** What A1111 answers: the pictures, what was asked for, and as a text of JSON what was drawn. */
export async function txt2imgAnswer(body: Txt2img, { model, pictures, request }: Job): Promise<object> {
  // A picture says what it was drawn with, the model's own settings among it.
  const parameters = await Promise.all(pictures.map(({ bytes }) => readParameters(bytes)));
  const drawn = { ...request.settings, ...parameters[0] };
  const seeds = pictures.map(({ seed }) => seed);
  const prompt = body.prompt ?? '';
  const negative = body.negative_prompt ?? '';
  const info = {
    prompt,
    all_prompts: seeds.map(() => prompt),
    negative_prompt: negative,
    all_negative_prompts: seeds.map(() => negative),
    seed: seeds[0] ?? -1,
    all_seeds: seeds,
    width: pictures[0]?.width ?? 0,
    height: pictures[0]?.height ?? 0,
    sampler_name: drawn.solver ?? null,
    cfg_scale: drawn.guidanceScale ?? null,
    steps: drawn.steps ?? null,
    batch_size: seeds.length,
    sd_model_name: model,
    index_of_first_image: 0,
    infotexts: parameters.map((each) => (each === undefined ? undefined : infotextOf(each)) ?? ''),
  };
  return {
    images: body.send_images === false ? [] : pictures.map(({ bytes }) => base64(bytes)),
    parameters: body,
    info: JSON.stringify(info),
  };
}
